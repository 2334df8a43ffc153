using System;
using GptEngine.Runtime.Communication;

namespace GptEngine.Kernels.Profiling;

/// <summary>A collective of a profile.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Tensor">What it was about: <c>gradient bucket 3</c>.</param>
/// <param name="Bytes">Of the whole tensor, all ranks' parts of it.</param>
/// <param name="Start">Seconds from the profile's beginning, where it is timed by the clock of the device's work.</param>
/// <param name="End">When it had ended, in the same seconds.</param>
public sealed record ProfiledCollective(CollectiveKind Kind, string Tensor, long Bytes, double Start, double End)
{
    /// <summary>How long it ran, its wait for ranks that came later included.</summary>
    public double Seconds => End - Start;

    /// <summary>For people: <c>all-reduce of gradient bucket 3</c>.</summary>
    public string Name => $"{KindName} of {Tensor}";

    private string KindName => Kind switch
    {
        CollectiveKind.AllReduce => "all-reduce",
        CollectiveKind.ReduceScatter => "reduce-scatter",
        CollectiveKind.AllGather => "all-gather",
        _ => "broadcast",
    };

    /// <summary>
    /// Bytes that each rank sends where ranks stand in a ring: 2·S·(W−1)/W for a sum on all, S·(W−1)/W where parts are scattered or gathered, S
    /// for a broadcast. Over the time these are the "bus bandwidth" of NCCL's tests (their doc/PERFORMANCE.md).
    /// </summary>
    public double WireBytes(int worldSize) => WireBytes(Kind, Bytes, worldSize);

    /// <summary>The same of a tensor's bytes.</summary>
    public static double WireBytes(CollectiveKind kind, long bytes, int worldSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worldSize, 1);
        double others = (worldSize - 1.0) / worldSize;
        return kind switch
        {
            CollectiveKind.AllReduce => 2 * bytes * others,
            CollectiveKind.Broadcast => worldSize == 1 ? 0 : bytes,
            _ => bytes * others,
        };
    }
}
