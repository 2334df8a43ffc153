using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>GELU by tanh: x·s with s = (1 + tanh u)/2, u = √(2/π)·(x + 0.044715·x³) (Hendrycks and Gimpel 2016).</summary>
public readonly struct GeluTanh : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        // (1 + tanh u)/2 = 1/(1 + e^(−2u)): one exponential, and no cancellation where tanh is near −1.
        return x * Gate(x, out _);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Derivative<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        // s + x·s·(1 − s)·2u′, where 1 − s = e^(−2u)·s without cancellation.
        T s = Gate(x, out T power);
        T slope = T.MultiplyAdd(x * x, T.Create(2 * 0.7978845608f * 3 * 0.044715f), T.Create(2 * 0.7978845608f));
        return T.MultiplyAdd(x * slope, power * s * s, s);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Gate<T>(T x, out T power)
        where T : struct, IVectorFloat<T>
    {
        T twoU = x * T.MultiplyAdd(x * x, T.Create(2 * 0.7978845608f * 0.044715f), T.Create(2 * 0.7978845608f));
        // Beyond 88 the exponential would be infinite; the gate is 0 to a float's precision long before.
        power = Elementary.Exp(T.Min(T.Create(88), -twoU));
        return T.Create(1) / (T.Create(1) + power);
    }
}
