using System;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>
/// Vector clocks over the warps of a block: entry w is the time up to which warp w's accesses come before, and entry 32 + w the time up to
/// which its writes to shared memory were shown to the asynchronous proxy (fence.proxy.async): both are handed on by the same deeds.
/// </summary>
internal static class BlockClock
{
    /// <summary>Where the second half begins.</summary>
    internal const int Shown = Warp.Lanes;

    private const int Entries = 2 * Warp.Lanes;

    internal static uint[] New() => new uint[Entries];

    /// <summary>Takes over all that another clock has seen.</summary>
    internal static void Join(uint[] into, uint[] from)
    {
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = Math.Max(into[i], from[i]);
        }
    }
}
