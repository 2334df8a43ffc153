using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>mbarrier. The object's state is kept beside shared memory; its eight bytes only mark that it was initialised.</summary>
internal static unsafe class MemoryBarrierOperations
{
    /// <summary>What a site does, in its detail.</summary>
    internal const int Initialize = 0, Invalidate = 1, Arrive = 2, ArriveExpect = 3, Expect = 4, TestState = 5, TestParity = 6, ArriveCopies = 7;

    public static void Run(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        MemoryOperations.ReadAddresses(warp, registers, site);
        uint done = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int offset = (int)(AddressSpaces.IsShared(warp.Addresses[lane]) ? warp.Addresses[lane] - AddressSpaces.SharedWindow : warp.Addresses[lane]);
            ulong operand = site.Operands.Length > 0 ? BitLanes.Read(site.Operands[0].At(registers), site.Operands[0].Size, lane) : 1;
            SharedAccess.Resolve(warp, site, lane, (ulong)offset, 8, write: site.Detail == Initialize);
            switch (site.Detail)
            {
                case Initialize:
                    warp.Block.MemoryBarriers[offset] = new MemoryBarrier { Count = (int)operand, Pending = (int)operand };
                    break;
                case Invalidate:
                    warp.Block.MemoryBarriers.Remove(offset);
                    break;
                case TestState or TestParity:
                    done |= Test(warp, Find(warp, site, lane, offset), site.Detail, operand) ? 1u << lane : 0;
                    break;
                default:
                    ArriveAt(warp, registers, site, lane, Find(warp, site, lane, offset), operand);
                    break;
            }
        }

        if (site.Detail is TestState or TestParity)
        {
            Predicates.Assign(site.Data[0].At(registers), done, mask);
            warp.IsYielding = done != mask;
            warp.IsWaiting = done != mask;
        }
    }

    internal static MemoryBarrier Find(Warp warp, MemorySite site, int lane, int offset) =>
        warp.Block.MemoryBarriers.TryGetValue(offset, out MemoryBarrier? barrier)
            ? barrier
            : throw warp.Block.Fail(FindingKind.Uninitialized, warp.ThreadOf(lane), site, $"there is no initialised mbarrier at byte {offset} of shared memory.");

    private static bool Test(Warp warp, MemoryBarrier barrier, int form, ulong operand)
    {
        if (!IsComplete(barrier, form, operand))
        {
            BulkCopyOperations.Deliver(warp.Block, barrier);
        }

        bool complete = IsComplete(barrier, form, operand);
        if (complete)
        {
            BlockClock.Join(warp.Clock, barrier.Completed);
        }

        return complete;
    }

    private static bool IsComplete(MemoryBarrier barrier, int form, ulong operand) =>
        form == TestState ? (uint)barrier.Phase != (uint)operand : (barrier.Phase & 1) != (int)(operand & 1);

    private static void ArriveAt(Warp warp, byte* registers, MemorySite site, int lane, MemoryBarrier barrier, ulong operand)
    {
        if (site.Detail == ArriveCopies)
        {
            // The lane's copies so far are whole before this arrival counts.
            AsyncCopyOperations.Wait(warp, -1, 1u << lane);
        }

        if (site.Data.Length > 0 && !site.Data[0].IsSink)
        {
            Row d = site.Data[0];
            BitLanes.Write(d.At(registers), d.Size, lane, (uint)barrier.Phase);
        }

        barrier.PendingBytes += site.Detail is ArriveExpect or Expect ? (long)operand : 0;
        if (site.Detail != Expect)
        {
            barrier.Pending -= site.Detail == Arrive ? (int)operand : 1;
            BlockClock.Join(barrier.Arriving, warp.Clock);
            barrier.Arriving[warp.Index] = warp.Block.Time;
            warp.Block.Time++;
        }

        if (barrier.Pending < 0)
        {
            throw warp.Block.Fail(FindingKind.Deadlock, warp.ThreadOf(lane), site, "more threads arrive at an mbarrier than it was initialised for.");
        }

        barrier.CompleteIfDue();
    }
}
