using System.Collections.Generic;
using System.Numerics;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>The order that atomics, acquires, releases and fences make, for the race checks.</summary>
internal static class Synchronization
{
    /// <summary>fence and membar: what the block wrote so far is released by its next atomic access, to itself or to others too.</summary>
    public static void Fence(Warp warp, int forOthers, uint mask)
    {
        if (mask != 0)
        {
            warp.Block.HasFenced = true;
            warp.Block.HasFencedForOthers |= forOthers != 0;
        }
    }

    /// <summary>fence.proxy.async: what the lanes wrote to shared memory so far, the asynchronous proxy sees once this is handed on.</summary>
    public static void ShowToAsyncProxy(Warp warp, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        uint time = warp.Block.Time++;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            warp.ProxyFences[BitOperations.TrailingZeroCount(rest)] = time;
        }

        if (mask == warp.Live)
        {
            warp.Clock[BlockClock.Shown + warp.Index] = time;
        }
    }

    /// <summary>A volatile, relaxed or acquiring load has seen what its address released.</summary>
    public static void AfterLoad(Warp warp, int siteIndex, uint mask) => Touch(warp, warp.Sites[siteIndex], mask);

    /// <summary>An atomic or synchronising access of the lanes in <paramref name="mask"/>, whose addresses stand in the warp.</summary>
    internal static unsafe void Touch(Warp warp, MemorySite site, uint mask)
    {
        bool isRelease = site.Instruction.Has("release") || site.Instruction.Has("acq_rel");
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = warp.Addresses[lane];
            if (site.Space == PtxStateSpace.Shared)
            {
                TouchShared(warp, (int)address);
            }
            else if (warp.Block.Launch.Grid.Count > 1 && !site.IsBlockScoped)
            {
                warp.Block.Launch.Order.Touch(address, warp.Block, isRelease || warp.Block.HasFencedForOthers);
            }
        }
    }

    /// <summary>
    /// Before an access that other blocks may see at once: what it releases is known before its value is. Blocks run beside each other on the
    /// host's threads, and one that saw the value first would look as if nothing had ordered it. <see cref="Touch"/> follows the access.
    /// </summary>
    internal static void Announce(Warp warp, MemorySite site, uint mask)
    {
        if (site.Space != PtxStateSpace.Shared)
        {
            Touch(warp, site, mask);
        }
    }

    /// <summary>Inside a block an atomic on shared memory hands on what its warp has seen; PTX asks for a fence, which costs nothing there.</summary>
    private static void TouchShared(Warp warp, int offset)
    {
        Dictionary<int, uint[]> releases = warp.Block.SharedReleases;
        if (!releases.TryGetValue(offset, out uint[]? clock))
        {
            releases[offset] = clock = BlockClock.New();
        }

        BlockClock.Join(warp.Clock, clock);
        if (warp.Block.HasFenced)
        {
            BlockClock.Join(clock, warp.Clock);
            clock[warp.Index] = warp.Block.Time;
            warp.Block.Time++;
        }
    }
}
