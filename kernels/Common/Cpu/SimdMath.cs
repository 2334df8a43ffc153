using System.Runtime.CompilerServices;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>Elementary functions on vectors, to a couple of units in the last place over the ranges that kernels use.</summary>
internal static class SimdMath
{
    /// <summary>e^x; 0 below −87.3, where the result would be denormal. x is capped at 88: the result is never infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : unmanaged, ISimd<V>
    {
        // e^x = 2^n·2^f with n = round(x·log2 e). The fused f carries no rounding error of the product; 1.926e-8 is what a float's log2 e lacks.
        V log2E = V.Create(1.44269502f);
        V capped = V.Max(V.Min(x, V.Create(88.0f)), V.Create(-87.33f));
        V n = V.Round(capped * log2E);
        V f = V.MultiplyAdd(capped, V.Create(1.92596300e-8f), V.MultiplyAdd(capped, log2E, V.Zero - n));

        // 2^f on [−½, ½] by its Taylor series to degree 6, (ln 2)^i / i!: the next term is below 1.2e-7.
        V p = V.Create(1.52527338e-5f);
        p = V.MultiplyAdd(p, f, V.Create(1.54035304e-4f));
        p = V.MultiplyAdd(p, f, V.Create(1.33335581e-3f));
        p = V.MultiplyAdd(p, f, V.Create(9.61812911e-3f));
        p = V.MultiplyAdd(p, f, V.Create(5.55041087e-2f));
        p = V.MultiplyAdd(p, f, V.Create(2.40226507e-1f));
        p = V.MultiplyAdd(p, f, V.Create(6.93147181e-1f));
        p = V.MultiplyAdd(p, f, V.Create(1.0f));
        return V.SelectLess(x, V.Create(-87.33f), V.Zero, V.ScaleByPowerOfTwo(p, n));
    }

    /// <summary>0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), as x / (1 + e^(−2u)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GeluTanh<V>(V x)
        where V : unmanaged, ISimd<V> => x / (V.Create(1.0f) + Exp(MinusTwiceInner(x)));

    /// <summary>The derivative: with s = 1/(1 + e^(−2u)), s + x·s·(1−s)·2u'.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GeluTanhDerivative<V>(V x)
        where V : unmanaged, ISimd<V>
    {
        V one = V.Create(1.0f);
        V s = one / (one + Exp(MinusTwiceInner(x)));
        V slope = V.MultiplyAdd(x * x, V.Create(0.21406445f), V.Create(1.59576912f));
        return V.MultiplyAdd(x * slope * s, one - s, s);
    }

    /// <summary>x·Φ(x) with the normal distribution's Φ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gelu<V>(V x)
        where V : unmanaged, ISimd<V> => x * NormalCdf(x);

    /// <summary>Φ(x) + x·φ(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GeluDerivative<V>(V x)
        where V : unmanaged, ISimd<V> =>
        V.MultiplyAdd(x * V.Create(0.398942280f), Exp(x * x * V.Create(-0.5f)), NormalCdf(x));

    // −2·√(2/π)·(x + 0.044715·x³)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V MinusTwiceInner<V>(V x)
        where V : unmanaged, ISimd<V> => x * V.MultiplyAdd(x * x, V.Create(-0.0713548162f), V.Create(-1.59576912f));

    // Φ(x) = ½·erfc(−x/√2). erfc(z) for z ≥ 0 by the rational-Chebyshev fit of Numerical Recipes (Press et al., section 6.2), whose
    // relative error is below 1.2e-7 everywhere.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NormalCdf<V>(V x)
        where V : unmanaged, ISimd<V>
    {
        V one = V.Create(1.0f);
        V z = V.Abs(x) * V.Create(0.707106781f);
        V t = one / V.MultiplyAdd(z, V.Create(0.5f), one);
        V p = V.Create(0.17087277f);
        p = V.MultiplyAdd(p, t, V.Create(-0.82215223f));
        p = V.MultiplyAdd(p, t, V.Create(1.48851587f));
        p = V.MultiplyAdd(p, t, V.Create(-1.13520398f));
        p = V.MultiplyAdd(p, t, V.Create(0.27886807f));
        p = V.MultiplyAdd(p, t, V.Create(-0.18628806f));
        p = V.MultiplyAdd(p, t, V.Create(0.09678418f));
        p = V.MultiplyAdd(p, t, V.Create(0.37409196f));
        p = V.MultiplyAdd(p, t, V.Create(1.00002368f));
        p = V.MultiplyAdd(p, t, V.Create(-1.26551223f));
        V half = V.Create(0.5f) * t * Exp(p - z * z);
        return V.SelectLess(x, V.Zero, half, one - half);
    }
}
