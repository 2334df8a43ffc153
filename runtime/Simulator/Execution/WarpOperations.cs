using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Instructions on a warp's state: clocks, traps, and those by which lanes see each other's registers.</summary>
internal static unsafe class WarpOperations
{
    /// <summary>The warp's count of instructions, shifted down.</summary>
    public static void ReadClock(Warp warp, byte* d, int size, int shift, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            BitLanes.Write(d, size, BitOperations.TrailingZeroCount(rest), (ulong)warp.Instructions >> shift);
        }
    }

    public static void Trap(Warp warp, int siteIndex, uint mask)
    {
        if (mask != 0)
        {
            MemorySite site = warp.Sites[siteIndex];
            string what = site.Instruction.Has("assert") ? "an assertion of the kernel failed." : "the kernel executed a trap.";
            throw warp.Block.Fail(FindingKind.Trap, warp.ThreadOf(BitOperations.TrailingZeroCount(mask)), site, what);
        }
    }
}
