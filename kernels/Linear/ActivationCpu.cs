using System;
using System.Runtime.CompilerServices;
using GptEngine.Kernels.Common.Cpu;

namespace GptEngine.Kernels.Linear;

/// <summary>The activations and their derivatives on vectors.</summary>
internal static unsafe class ActivationCpu
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V z, Common.Activation activation)
        where V : unmanaged, ISimd<V> => activation switch
        {
            Common.Activation.Identity => z,
            Common.Activation.GeluTanh => SimdMath.GeluTanh(z),
            Common.Activation.Gelu => SimdMath.Gelu(z),
            Common.Activation.Relu => V.Max(z, V.Zero),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "unknown activation"),
        };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V z, Common.Activation activation)
        where V : unmanaged, ISimd<V> => activation switch
        {
            Common.Activation.Identity => V.Create(1.0f),
            Common.Activation.GeluTanh => SimdMath.GeluTanhDerivative(z),
            Common.Activation.Gelu => SimdMath.GeluDerivative(z),
            Common.Activation.Relu => V.SelectLess(V.Zero, z, V.Create(1.0f), V.Zero),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "unknown activation"),
        };

    /// <summary>One element through the same arithmetic as a vector's.</summary>
    public static float Apply<V>(float z, Common.Activation activation)
        where V : unmanaged, ISimd<V> => First(Apply(V.Create(z), activation));

    /// <summary>One element through the same arithmetic as a vector's.</summary>
    public static float Derivative<V>(float z, Common.Activation activation)
        where V : unmanaged, ISimd<V> => First(Derivative(V.Create(z), activation));

    private static float First<V>(V value)
        where V : unmanaged, ISimd<V>
    {
        float* elements = stackalloc float[V.Count];
        value.Store(elements);
        return elements[0];
    }
}
