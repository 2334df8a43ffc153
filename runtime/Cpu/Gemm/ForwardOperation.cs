using System.Runtime.CompilerServices;
using GptEngine.Runtime.Cpu.VectorMath;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// A linear layer's forward: Y = act(product + bias) + residual. Every pointer but Y may be null: then it is left out.
/// Residual and Y may be the same memory.
/// </summary>
/// <param name="y">(m, n) with <paramref name="stride"/> elements between rows, overwritten.</param>
/// <param name="stride">Leading dimension of y, preActivation and residual.</param>
/// <param name="bias">(n).</param>
/// <param name="preActivation">(m, n): product + bias is kept here for the backward pass.</param>
/// <param name="residual">(m, n).</param>
public readonly unsafe struct ForwardOperation<TActivation>(float* y, long stride, float* bias, float* preActivation, float* residual)
    : ITileOperation
    where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<T>(T product, int row, int column, int count)
        where T : struct, IVectorFloat<T>
    {
        long at = row * stride + column;
        if (bias != null)
            product += Partial.Load<T>(bias + column, count);
        if (preActivation != null)
            Partial.Store(product, preActivation + at, count);
        T value = TActivation.Apply(product);
        if (residual != null)
            value += Partial.Load<T>(residual + at, count);
        Partial.Store(value, y + at, count);
    }
}
