using System;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Communication;

namespace GptEngine.Tests.Communication;

/// <summary>What ranks put into collectives, and what must come out: sums in the order that is promised, in the plainest way.</summary>
internal static class CollectiveCases
{
    internal static readonly int[] Worlds = [1, 2, 3, 4, 7, 8];

    internal static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16, DataType.Float64];

    /// <summary>Element <paramref name="index"/> of a rank, of some thirty binary orders, so that the order of a sum shows in its bits.</summary>
    internal static double Element(int seed, int rank, long index, DataType type)
    {
        // SplitMix64's finalizer, so that processes agree without a word.
        ulong bits = (ulong)(((long)seed << 40) + ((long)rank << 32) + index + 1) * 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        bits ^= bits >> 31;
        return Rounded(Math.ScaleB((int)(bits >> 40) - (1 << 23), (int)(bits & 15) - 31), type);
    }

    /// <summary>The sum over ranks of an element that belongs to <paramref name="part"/>: from the rank after it around to its own.</summary>
    internal static double Sum(int seed, int worldSize, int part, long index, DataType type)
    {
        double sum = Element(seed, (part + 1) % worldSize, index, type);
        for (int step = 2; step <= worldSize; step++)
        {
            double next = Element(seed, (part + step) % worldSize, index, type);
            sum = type == DataType.Float64 ? sum + next : (float)sum + (float)next;
        }

        return Rounded(sum, type);
    }

    internal static double Rounded(double value, DataType type) => type switch
    {
        DataType.Float16 => (double)(Half)(float)value,
        DataType.BFloat16 => (float)(BFloat16)(float)value,
        DataType.Float32 => (float)value,
        _ => value,
    };

    /// <summary>Whose part of <paramref name="count"/> elements an element is.</summary>
    internal static int PartOf(long index, long count, int worldSize)
    {
        int part = 0;
        while (count * (part + 1) / worldSize <= index)
        {
            part++;
        }

        return part;
    }

    /// <summary>Does every collective on <paramref name="count"/> elements and says what is wrong; null where nothing is.</summary>
    internal static string? Check(RankGroup group, Device device, DataType type, int count, int seed)
    {
        Communicator collectives = group.Collectives;
        int world = group.WorldSize;
        using var reduced = new DeviceArray(device, type, count);
        using var whole = new DeviceArray(device, type, (long)count * world);
        using var shard = new DeviceArray(device, type, count);
        using var gathered = new DeviceArray(device, type, (long)count * world);
        using var spread = new DeviceArray(device, type, count);
        int root = seed % world;
        reduced.Fill(i => Element(seed, group.Rank, i, type));
        whole.Fill(i => Element(seed + 1, group.Rank, i, type));
        spread.Fill(i => Element(seed + 2, group.Rank, i, type));
        shard.Fill(_ => double.NaN);
        gathered.Fill(_ => double.NaN);

        collectives.Follow();
        collectives.AllReduce(reduced.Tensor);
        collectives.ReduceScatter(whole.Tensor, shard.Tensor);
        collectives.AllGather(shard.Tensor, gathered.Tensor);
        collectives.Broadcast(spread.Tensor, root);
        collectives.Join();
        device.Synchronize();

        return reduced.FirstDifference("all-reduce", i => Sum(seed, world, PartOf(i, count, world), i, type))
            ?? shard.FirstDifference("reduce-scatter", i => Sum(seed + 1, world, group.Rank, ((long)group.Rank * count) + i, type))
            ?? gathered.FirstDifference("all-gather", i => Sum(seed + 1, world, (int)(i / count), i, type))
            ?? spread.FirstDifference("broadcast", i => Element(seed + 2, root, i, type));
    }
}
