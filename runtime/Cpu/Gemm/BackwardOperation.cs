using System.Runtime.CompilerServices;
using GptEngine.Runtime.Cpu.VectorMath;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>A linear layer's gradX behind an activation: gradX = product · act′(preActivation), element by element.</summary>
/// <param name="gradX">(m, n) with <paramref name="stride"/> elements between rows, overwritten.</param>
/// <param name="stride">Leading dimension of both.</param>
/// <param name="preActivation">(m, n), as the forward pass kept it; may be the memory of gradX.</param>
public readonly unsafe struct BackwardOperation<TActivation>(float* gradX, long stride, float* preActivation) : ITileOperation
    where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply<T>(T product, int row, int column, int count)
        where T : struct, IVectorFloat<T>
    {
        long at = row * stride + column;
        T slope = TActivation.Derivative(Partial.Load<T>(preActivation + at, count));
        Partial.Store(product * slope, gradX + at, count);
    }
}
