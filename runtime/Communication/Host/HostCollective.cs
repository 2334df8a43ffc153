using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Host;

/// <summary>A collective over memory that the host can address.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Type">Of the elements.</param>
/// <param name="Count">Elements of the tensor; of the shard for those that have one.</param>
/// <param name="Root">Whose tensor a broadcast spreads; else 0.</param>
internal readonly record struct HostCollective(CollectiveKind Kind, DataType Type, long Count, int Root)
{
    /// <summary>What is read; for what is done in place the same as <see cref="Target"/>.</summary>
    internal required nint Source { get; init; }

    /// <summary>What is written.</summary>
    internal required nint Target { get; init; }

    internal unsafe byte* SourceBytes => (byte*)Source;

    internal unsafe byte* TargetBytes => (byte*)Target;

    /// <summary>The elements of rank <paramref name="part"/>'s part of <paramref name="count"/>: as equal as they can be.</summary>
    internal static (long First, long Count) Part(long count, int part, int parts)
    {
        long first = (long)((System.Int128)count * part / parts);
        return (first, (long)((System.Int128)count * (part + 1) / parts) - first);
    }

    /// <summary>Whether another rank's call belongs with this one.</summary>
    internal bool Matches(in HostCollective other) => (Kind, Type, Count, Root) == (other.Kind, other.Type, other.Count, other.Root);

    /// <summary>For messages: <c>all-reduce of 1000 fp32</c>.</summary>
    internal string Describe() => Kind switch
    {
        CollectiveKind.AllReduce => $"all-reduce of {Count} {Type.ShortName()}",
        CollectiveKind.ReduceScatter => $"reduce-scatter to {Count} {Type.ShortName()}",
        CollectiveKind.AllGather => $"all-gather of {Count} {Type.ShortName()}",
        _ => $"broadcast of {Count} {Type.ShortName()} from rank {Root}",
    };
}
