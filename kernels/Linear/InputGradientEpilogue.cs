using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu.Gemm;

namespace GptEngine.Kernels.Linear;

/// <summary>gradX = product ⊙ activation'(preActivation). Each element is read before it is written: both may be one tensor.</summary>
internal readonly unsafe struct InputGradientEpilogue<V>(float* gradX, float* preActivation, long inputs, Common.Activation activation) : IGemmEpilogue
    where V : unmanaged, ISimd<V>
{
    public void Store(in GemmTile tile, int worker)
    {
        for (int i = 0; i < tile.Rows; i++)
        {
            float* from = tile.Values + (i * tile.Stride);
            long at = ((tile.Row + i) * inputs) + tile.Column;
            int j = 0;
            for (; j + V.Count <= tile.Columns; j += V.Count)
            {
                V value = V.Load(from + j);
                if (activation != Common.Activation.Identity)
                    value *= ActivationCpu.Derivative(V.Load(preActivation + at + j), activation);
                value.Store(gradX + at + j);
            }

            for (; j < tile.Columns; j++)
                gradX[at + j] = activation == Common.Activation.Identity ? from[j] : from[j] * ActivationCpu.Derivative<V>(preActivation[at + j], activation);
        }
    }
}
