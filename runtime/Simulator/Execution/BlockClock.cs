using System;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Vector clocks over the warps of a block: entry w is the time up to which warp w's accesses come before.</summary>
internal static class BlockClock
{
    /// <summary>Takes over all that another clock has seen.</summary>
    internal static void Join(uint[] into, uint[] from)
    {
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = Math.Max(into[i], from[i]);
        }
    }
}
