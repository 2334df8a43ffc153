using System;
using System.Numerics;

namespace GptEngine.Kernels.Activation;

/// <summary>The activations and their derivatives, from <see cref="Common.Activation"/>'s formulas.</summary>
public static class ActivationReference
{
    /// <summary>y = activation(x).</summary>
    public static void Forward<T>(Common.Activation activation, ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = Value(activation, x[i]);
        }
    }

    /// <summary>gradX = gradY·activation'(x); gradX may be x or gradY.</summary>
    public static void Backward<T>(Common.Activation activation, ReadOnlySpan<T> gradY, ReadOnlySpan<T> x, Span<T> gradX)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < x.Length; i++)
        {
            gradX[i] = gradY[i] * Derivative(activation, x[i]);
        }
    }

    /// <summary>activation(x).</summary>
    public static T Value<T>(Common.Activation activation, T x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T half = T.CreateChecked(0.5);
        return activation switch
        {
            Common.Activation.Identity => x,
            Common.Activation.GeluTanh => half * x * (T.One + T.Tanh(TanhArgument(x))),
            Common.Activation.Gelu => half * x * (T.One + ErrorFunction.Erf(x / T.Sqrt(T.CreateChecked(2)))),
            Common.Activation.Relu => x > T.Zero ? x : T.Zero,
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "no such activation"),
        };
    }

    /// <summary>activation'(x).</summary>
    public static T Derivative<T>(Common.Activation activation, T x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T half = T.CreateChecked(0.5);
        switch (activation)
        {
            case Common.Activation.Identity:
                return T.One;
            case Common.Activation.GeluTanh:
                // d/dx ½x(1 + tanh u) = ½(1 + tanh u) + ½x(1 − tanh² u)·u', with u' = √(2/π)(1 + 3·0.044715·x²).
                T tanh = T.Tanh(TanhArgument(x));
                T slope = T.Sqrt(T.CreateChecked(2) / T.Pi) * (T.One + (T.CreateChecked(3 * 0.044715) * x * x));
                return (half * (T.One + tanh)) + (half * x * (T.One - (tanh * tanh)) * slope);
            case Common.Activation.Gelu:
                // d/dx x·Φ(x) = Φ(x) + x·φ(x).
                T density = T.Exp(-half * x * x) / T.Sqrt(T.CreateChecked(2) * T.Pi);
                return (half * (T.One + ErrorFunction.Erf(x / T.Sqrt(T.CreateChecked(2))))) + (x * density);
            case Common.Activation.Relu:
                return x > T.Zero ? T.One : T.Zero;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, "no such activation");
        }
    }

    /// <summary>√(2/π)·(x + 0.044715·x³).</summary>
    private static T TanhArgument<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        T.Sqrt(T.CreateChecked(2) / T.Pi) * (x + (T.CreateChecked(0.044715) * x * x * x));
}
