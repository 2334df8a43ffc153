using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Profiling;

namespace GptEngine.Engine.Profiling;

/// <summary>A row of a profile's table of collectives: the same collective of the same tensor.</summary>
/// <param name="Name">For people: <c>all-reduce of gradient bucket 3</c>.</param>
/// <param name="Calls">How often.</param>
/// <param name="Bytes">Of the tensors, of all calls.</param>
/// <param name="WireBytes">That each rank sends in a ring, of all calls.</param>
/// <param name="Seconds">In all, the wait for ranks that came later included.</param>
public sealed record CollectiveRow(string Name, int Calls, long Bytes, double WireBytes, double Seconds)
{
    /// <summary>Bytes a second by which collectives of all kinds and numbers of ranks compare: NCCL's tests call it bus bandwidth.</summary>
    public double BusBytesPerSecond => Seconds > 0 ? WireBytes / Seconds : 0;

    /// <summary>Of a profile, in the order of their first calls.</summary>
    public static IReadOnlyList<CollectiveRow> Of(StepProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return [.. profile.Collectives.GroupBy(collective => collective.Name).Select(group => Sum(group.Key, group, profile.Batch.WorldSize))];
    }

    /// <summary>All collectives of a profile.</summary>
    public static CollectiveRow Total(StepProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return Sum("all", profile.Collectives, profile.Batch.WorldSize);
    }

    private static CollectiveRow Sum(string name, IEnumerable<ProfiledCollective> collectives, int worldSize)
    {
        ProfiledCollective[] all = [.. collectives];
        return new CollectiveRow(
            name, all.Length, all.Sum(one => one.Bytes), all.Sum(one => one.WireBytes(worldSize)), all.Sum(one => one.Seconds));
    }
}
