using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>A comparison of two vectors of lanes.</summary>
internal interface IVectorComparison<T>
    where T : unmanaged
{
    static abstract Vector512<T> Test(Vector512<T> a, Vector512<T> b);
}

internal readonly struct CompareEqual<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.Equals(a, b);
}

/// <summary>False where an operand is NaN, as every ordered comparison.</summary>
internal readonly struct CompareNotEqual<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b) | Vector512.GreaterThan(a, b);
}

internal readonly struct CompareLess<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b);
}

internal readonly struct CompareLessOrEqual<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.LessThanOrEqual(a, b);
}

internal readonly struct CompareGreater<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.GreaterThan(a, b);
}

internal readonly struct CompareGreaterOrEqual<T> : IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => Vector512.GreaterThanOrEqual(a, b);
}

/// <summary>Unordered forms: true where an operand is NaN, which is where the opposite comparison is false.</summary>
internal readonly struct CompareNot<TComparison, T> : IVectorComparison<T>
    where TComparison : struct, IVectorComparison<T>
    where T : unmanaged
{
    public static Vector512<T> Test(Vector512<T> a, Vector512<T> b) => ~TComparison.Test(a, b);
}

/// <summary>Runs comparisons over rows.</summary>
internal static unsafe class VectorComparison
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Test<TComparison, T>(byte* a, byte* b)
        where TComparison : struct, IVectorComparison<T>
        where T : unmanaged
    {
        uint result = 0;
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            Vector512<T> hit = TComparison.Test(Vector512.Load((T*)(a + at)), Vector512.Load((T*)(b + at)));
            result |= (uint)hit.ExtractMostSignificantBits() << (at / sizeof(T));
        }

        return result;
    }
}
