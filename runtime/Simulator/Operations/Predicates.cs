using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Predicates are 32 bits, a bit a lane; these are the operations on them.</summary>
internal static unsafe class Predicates
{
    /// <summary>Boolean operators of setp, and what may stand for them in a plain predicate instruction.</summary>
    internal const int Keep = 0, And = 1, Or = 2, Xor = 3;

    /// <summary>Writes the result of a comparison, combined with the predicate <paramref name="with"/>, and its complement's combination.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(uint result, byte* d, byte* complement, uint with, int combine, uint mask)
    {
        Assign(d, Combine(result, with, combine), mask);
        if (complement != null)
        {
            Assign(complement, Combine(~result, with, combine), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Assign(byte* d, uint bits, uint mask) => *(uint*)d = (*(uint*)d & ~mask) | (bits & mask);

    /// <summary>and, or, xor, not and mov of predicates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Logic(byte* d, uint a, uint b, int combine, uint mask) => Assign(d, Combine(a, b, combine), mask);

    private static uint Combine(uint a, uint b, int combine) => combine switch
    {
        And => a & b,
        Or => a | b,
        Xor => a ^ b,
        _ => a,
    };
}
