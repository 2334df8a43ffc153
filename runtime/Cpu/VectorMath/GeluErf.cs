using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>GELU, exact: x·Φ(x) with Φ(x) = (1 + erf(x/√2))/2 (Hendrycks and Gimpel 2016).</summary>
public readonly struct GeluErf : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x)
        where T : struct, IVectorFloat<T> =>
        x * Cumulative(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        // Φ(x) + x·φ(x)
        T density = T.Create(0.3989422804f) * Elementary.Exp(x * x * T.Create(-0.5f));
        return T.MultiplyAdd(x, density, Cumulative(x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Cumulative<T>(T x)
        where T : struct, IVectorFloat<T> =>
        T.MultiplyAdd(Elementary.Erf(x * T.Create(0.7071067812f)), T.Create(0.5f), T.Create(0.5f));
}
