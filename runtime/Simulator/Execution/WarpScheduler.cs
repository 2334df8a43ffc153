using System.Numerics;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>
/// Runs the splits of a warp. The split at the lowest block runs first, so that lanes which are behind catch up and join at the latest
/// where paths meet; where a loop may be waiting for a lane that is ahead, that one gets its turn after a while. Independent thread
/// scheduling as on Volta and later: a split that waits never keeps another from running.
/// </summary>
internal static unsafe class WarpScheduler
{
    private const int PatienceInRuns = 1 << 14;
    internal const int SpinCost = 128;
    private const int TurnInRuns = 64;

    /// <summary>The block of a split that is about to move: none may join it there.</summary>
    private const int Nowhere = -1;

    /// <summary>
    /// Runs until no split is ready, the warp yields, or the budget is used up: blocks to run at most, those that may spin counting many times. Returns
    /// whether anything ran.
    /// </summary>
    internal static bool Run(Warp warp, int budget)
    {
        int patience = PatienceInRuns;
        int turn = 0;
        int current = -1;
        bool ran = false;
        while (budget > 0)
        {
            if (current < 0 || current >= warp.SplitCount || warp.Splits[current].State != SplitState.Ready || turn-- <= 0)
            {
                current = patience > 0 ? PickLowest(warp) : PickLongestWaiting(warp);
                if (current < 0)
                {
                    if (!WarpConvergence.Release(warp))
                    {
                        return ran;
                    }

                    continue;
                }

                if (patience <= 0)
                {
                    patience = PatienceInRuns;
                    turn = TurnInRuns;
                }
            }

            BasicBlock block = warp.Kernel.Blocks[warp.Splits[current].Block];
            if (block.Sync != SyncKind.None && !warp.Splits[current].Passed)
            {
                if (!WarpConvergence.TryPass(warp, current, block))
                {
                    current = -1;
                    continue;
                }
            }

            ran = true;
            int cost = block.MaySpin ? SpinCost : 1;
            budget -= cost;
            patience -= warp.SplitCount > 1 ? cost : 0;
            Step(warp, current, block);
            if (Yields(warp))
            {
                return true;
            }

            if (warp.SplitCount != 1)
            {
                current = turn > 0 ? current : -1;
            }
        }

        return ran;
    }

    /// <summary>Whether the warp gives its turn away. Not where lanes are apart: those that wait may wait for the others.</summary>
    private static bool Yields(Warp warp)
    {
        bool yields = warp.IsYielding && warp.SplitCount == 1;
        warp.IsYielding = false;
        return yields;
    }

    /// <summary>Runs one block for a split and moves it on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Step(Warp warp, int at, BasicBlock block)
    {
        ref Split split = ref warp.Splits[at];
        uint mask = split.Mask;
        warp.Block.Executions[block.Index]++;
        warp.Block.ActiveLanes[block.Index] += BitOperations.PopCount(mask);
        warp.Instructions += block.InstructionCount;
        split.LastRun = ++warp.Runs;
        split.Passed = false;
        BlockMethod method = block.Method ?? warp.Kernel.MethodOf(block);
        uint taken = method(warp, warp.Registers, mask);
        if (block.Table is not null)
        {
            Scatter(warp, at, block);
        }
        else if (!block.IsConditional || taken == mask)
        {
            Move(warp, at, block.Target);
        }
        else if (taken == 0)
        {
            Move(warp, at, block.Next);
        }
        else
        {
            split.Mask = mask & ~taken;
            split.Block = Nowhere;
            int added = warp.SplitCount++;
            warp.Splits[added] = new Split { Mask = taken, LastRun = warp.Runs };

            // The later one first: a move may remove the split that it moves and put the last one in its place.
            Move(warp, added, block.Target);
            Move(warp, at, block.Next);
        }
    }

    /// <summary>brx.idx: a split for each target that some lane takes.</summary>
    private static void Scatter(Warp warp, int at, BasicBlock block)
    {
        warp.Splits[at].Block = Nowhere;
        uint* index = (uint*)block.TableIndex.At(warp.Registers);
        uint left = warp.Splits[at].Mask;
        while (left != 0)
        {
            uint chosen = index[BitOperations.TrailingZeroCount(left)];
            uint same = 0;
            for (uint rest = left; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                same |= index[lane] == chosen ? 1u << lane : 0;
            }

            left &= ~same;
            if (chosen >= (uint)block.Table!.Length)
            {
                throw warp.Block.Fail(Checks.FindingKind.Trap, warp.ThreadOf(BitOperations.TrailingZeroCount(same)), null, $"brx.idx jumps to target {chosen} of {block.Table.Length}.");
            }

            if (left == 0)
            {
                warp.Splits[at].Mask = same;
                Move(warp, at, block.Table[chosen]);
            }
            else
            {
                int added = warp.SplitCount++;
                warp.Splits[added] = new Split { Mask = same, LastRun = warp.Runs };
                Move(warp, added, block.Table[chosen]);
            }
        }
    }

    /// <summary>Puts a split at a block: ends its lanes there, or joins it with one that is there already.</summary>
    private static void Move(Warp warp, int at, int target)
    {
        if (target == BasicBlock.Exit)
        {
            warp.Live &= ~warp.Splits[at].Mask;
            Remove(warp, at);
            return;
        }

        warp.Splits[at].Block = target;
        warp.Splits[at].State = SplitState.Ready;
        for (int other = 0; warp.SplitCount > 1 && other < warp.SplitCount; other++)
        {
            if (other != at && warp.Splits[other].Block == target && warp.Splits[other].State != SplitState.AtBarrier && !warp.Splits[other].Passed)
            {
                warp.Splits[other].Mask |= warp.Splits[at].Mask;
                warp.Splits[other].State = SplitState.Ready;
                Remove(warp, at);
                return;
            }
        }
    }

    private static void Remove(Warp warp, int at)
    {
        warp.SplitCount--;
        warp.Splits[at] = warp.Splits[warp.SplitCount];
    }

    private static int PickLowest(Warp warp)
    {
        int best = -1;
        for (int i = 0; i < warp.SplitCount; i++)
        {
            if (warp.Splits[i].State == SplitState.Ready && (best < 0 || warp.Splits[i].Block < warp.Splits[best].Block))
            {
                best = i;
            }
        }

        return best;
    }

    private static int PickLongestWaiting(Warp warp)
    {
        int best = -1;
        for (int i = 0; i < warp.SplitCount; i++)
        {
            if (warp.Splits[i].State == SplitState.Ready && (best < 0 || warp.Splits[i].LastRun < warp.Splits[best].LastRun))
            {
                best = i;
            }
        }

        return best;
    }
}
