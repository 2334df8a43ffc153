using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Finds lanes of one store that write different values to the same place: which of them stays is open.</summary>
internal static unsafe class WarpStores
{
    private const int Buckets = 64;
    private const ulong Spread = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Compares lanes whose pointers, which the warp has, are the same. Accesses are aligned to their size, so others do not overlap.</summary>
    internal static void Check(Warp warp, byte* registers, MemorySite site, uint mask)
    {
        if (AreAscending(warp, mask))
        {
            return;
        }

        sbyte* lanes = stackalloc sbyte[Buckets];
        for (int i = 0; i < Buckets; i++)
        {
            lanes[i] = -1;
        }

        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int bucket = (int)(((ulong)warp.Pointers[lane] * Spread) >> 58);
            while (lanes[bucket] >= 0 && warp.Pointers[lanes[bucket]] != warp.Pointers[lane])
            {
                bucket = (bucket + 1) % Buckets;
            }

            if (lanes[bucket] < 0)
            {
                lanes[bucket] = (sbyte)lane;
            }
            else if (!AreSame(site, registers, lane, lanes[bucket]))
            {
                Report(warp, site, lane, lanes[bucket]);
                return;
            }
        }
    }

    private static bool AreAscending(Warp warp, uint mask)
    {
        nint last = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            nint place = warp.Pointers[BitOperations.TrailingZeroCount(rest)];
            if (place <= last)
            {
                return false;
            }

            last = place;
        }

        return true;
    }

    private static bool AreSame(MemorySite site, byte* registers, int lane, int other)
    {
        ulong significant = site.ElementSize == 8 ? ulong.MaxValue : (1ul << (8 * site.ElementSize)) - 1;
        foreach (Row row in site.Data)
        {
            ulong difference = BitLanes.Read(row.At(registers), row.Size, lane) ^ BitLanes.Read(row.At(registers), row.Size, other);
            if ((difference & significant) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private static void Report(Warp warp, MemorySite site, int lane, int other) => warp.Block.Report(
        FindingKind.WarpRace,
        warp.ThreadOf(lane),
        site,
        "two lanes of one store write different values to the same place; which of them stays is open.",
        site.Index,
        warp.Block.Describe(warp.ThreadOf(other), site.Index));
}
