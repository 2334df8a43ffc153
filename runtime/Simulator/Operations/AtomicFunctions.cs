namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>What atomics compute from the old value (a), and their operands, where no other instruction does the same.</summary>
internal static class AtomicFunctions
{
    internal static ulong Exchange(ulong a, ulong b, ulong c, int mode) => b;

    internal static ulong CompareAndSwap(ulong a, ulong b, ulong c, int mode) => a == b ? c : a;

    /// <summary>Up to the bound, then 0.</summary>
    internal static ulong Increment(ulong a, ulong b, ulong c, int mode) => a >= b ? 0 : a + 1;

    /// <summary>Down to 0, then the bound.</summary>
    internal static ulong Decrement(ulong a, ulong b, ulong c, int mode) => a == 0 || a > b ? b : a - 1;
}
