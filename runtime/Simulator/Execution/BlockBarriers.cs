using System.Globalization;
using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>bar and barrier: arrival, completion and what they order.</summary>
internal static unsafe class BlockBarriers
{
    /// <summary>In a site's detail: sync, arrive, red; and whether all lanes of the warp must come together.</summary>
    internal const int Sync = 0, Arrive = 1, Reduce = 2, KindMask = 3, Aligned = 4;

    /// <summary>Which result a reduction wants: bits 4 and 5 of the detail.</summary>
    internal const int And = 0, Or = 1 << 4, PopulationCount = 2 << 4, ReduceMask = 3 << 4;

    /// <summary>The split reaches a barrier: counted there, or put to wait for the rest of its warp. True where it goes on at once.</summary>
    internal static bool TryArrive(Warp warp, int at, MemorySite site)
    {
        ref Split split = ref warp.Splits[at];
        int lane = BitOperations.TrailingZeroCount(split.Mask);
        if ((site.Detail & Aligned) != 0)
        {
            if (split.Mask != warp.Live)
            {
                split.State = SplitState.WaitsToArrive;
                return false;
            }

            if (warp.Live != warp.Existing)
            {
                throw warp.Block.Fail(
                    FindingKind.BarrierDivergence,
                    warp.ThreadOf(lane),
                    site,
                    $"a barrier is reached after lanes 0x{warp.Existing & ~warp.Live:x8} of the warp have ended.");
            }
        }

        int number = (int)BitLanes.Read(site.Operands[0].At(warp.Registers), site.Operands[0].Size, lane);
        if (number is < 0 or >= ThreadBlock.BarrierCount)
        {
            throw warp.Block.Fail(FindingKind.Trap, warp.ThreadOf(lane), site, $"there is no barrier {number}; a block has 0 to 15.");
        }

        NamedBarrier barrier = warp.Block.Barriers[number];
        int expected = ExpectedThreads(warp, site, lane);
        if (barrier.Expected == 0)
        {
            barrier.Expected = expected;
            barrier.Site = site.Index;
        }
        else if (barrier.Expected != expected)
        {
            throw warp.Block.Fail(
                FindingKind.BarrierDivergence,
                warp.ThreadOf(lane),
                site,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"it waits for {expected} threads, but barrier {number} is already waiting for {barrier.Expected} since {warp.Sites[barrier.Site].Describe()}."));
        }

        return CountArrival(warp, at, site, barrier);
    }

    private static int ExpectedThreads(Warp warp, MemorySite site, int lane)
    {
        if (site.Operands.Length > 1 && !site.Operands[1].IsSink)
        {
            int count = (int)BitLanes.Read(site.Operands[1].At(warp.Registers), site.Operands[1].Size, lane);
            return count > 0 && count % Warp.Lanes == 0
                ? count
                : throw warp.Block.Fail(FindingKind.Trap, warp.ThreadOf(lane), site, $"a barrier's count of {count} threads is no multiple of the warp size.");
        }

        return warp.Block.Warps.Length * Warp.Lanes;
    }

    private static bool CountArrival(Warp warp, int at, MemorySite site, NamedBarrier barrier)
    {
        ref Split split = ref warp.Splits[at];
        ThreadBlock block = warp.Block;
        block.Counters.Barriers++;
        if ((barrier.Arrived[warp.Index] & split.Mask) != 0)
        {
            throw block.Fail(
                FindingKind.BarrierDivergence,
                warp.ThreadOf(BitOperations.TrailingZeroCount(split.Mask)),
                site,
                "a thread arrives a second time before the others have arrived once.");
        }

        barrier.Arrived[warp.Index] |= split.Mask;
        BlockClock.Join(barrier.Clock, warp.Clock);
        barrier.Clock[warp.Index] = block.Time;
        if ((site.Detail & KindMask) == Reduce)
        {
            uint predicate = *(uint*)site.Operands[2].At(warp.Registers);
            predicate = site.Mode != 0 ? ~predicate : predicate;
            barrier.TrueCount += BitOperations.PopCount(predicate & split.Mask);
            barrier.PredicateCount += BitOperations.PopCount(split.Mask);
        }

        bool arrivesOnly = (site.Detail & KindMask) == Arrive;
        if (arrivesOnly)
        {
            // What it does from here on is no longer before the barrier.
            block.Time++;
            split.Passed = true;
        }
        else
        {
            split.State = SplitState.AtBarrier;
        }

        if (ArrivedThreads(barrier, block) >= barrier.Expected)
        {
            Complete(block, barrier);
        }

        // Completion may have let this very split go.
        return split.Passed;
    }

    private static int ArrivedThreads(NamedBarrier barrier, ThreadBlock block)
    {
        int threads = 0;
        foreach (Warp warp in block.Warps)
        {
            uint arrived = barrier.Arrived[warp.Index];
            threads += arrived == warp.Existing ? Warp.Lanes : BitOperations.PopCount(arrived);
        }

        return threads;
    }

    private static void Complete(ThreadBlock block, NamedBarrier barrier)
    {
        foreach (Warp warp in block.Warps)
        {
            for (int i = 0; i < warp.SplitCount; i++)
            {
                ref Split split = ref warp.Splits[i];
                if (split.State == SplitState.AtBarrier && (barrier.Arrived[warp.Index] & split.Mask) != 0 && BarrierOf(warp, split) == barrier)
                {
                    split.State = SplitState.Ready;
                    split.Passed = true;
                    BlockClock.Join(warp.Clock, barrier.Clock);
                    WriteReduction(warp, split, barrier);
                }
            }
        }

        block.Time++;
        barrier.Clear();
    }

    private static NamedBarrier BarrierOf(Warp warp, Split split)
    {
        MemorySite site = warp.Kernel.Blocks[split.Block].SyncSite!;
        int lane = BitOperations.TrailingZeroCount(split.Mask);
        return warp.Block.Barriers[(int)BitLanes.Read(site.Operands[0].At(warp.Registers), site.Operands[0].Size, lane)];
    }

    private static void WriteReduction(Warp warp, Split split, NamedBarrier barrier)
    {
        MemorySite site = warp.Kernel.Blocks[split.Block].SyncSite!;
        if ((site.Detail & KindMask) != Reduce)
        {
            return;
        }

        ulong result = (site.Detail & ReduceMask) switch
        {
            And => barrier.TrueCount == barrier.PredicateCount ? 1ul : 0,
            Or => barrier.TrueCount > 0 ? 1ul : 0,
            _ => (ulong)barrier.TrueCount,
        };
        Row(warp, site, split.Mask, result);
    }

    private static void Row(Warp warp, MemorySite site, uint mask, ulong value)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            BitLanes.Write(site.Data[0].At(warp.Registers), site.Data[0].Size, BitOperations.TrailingZeroCount(rest), value);
        }
    }
}
