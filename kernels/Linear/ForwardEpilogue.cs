using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu.Gemm;

namespace GptEngine.Kernels.Linear;

/// <summary>z = product + bias, kept where asked for; y = activation(z).</summary>
internal readonly unsafe struct ForwardEpilogue<V>(float* bias, float* y, float* preActivation, long outputs, Common.Activation activation) : IGemmEpilogue
    where V : unmanaged, ISimd<V>
{
    public void Store(in GemmTile tile, int worker)
    {
        for (int i = 0; i < tile.Rows; i++)
        {
            float* from = tile.Values + (i * tile.Stride);
            long at = ((tile.Row + i) * outputs) + tile.Column;
            int j = 0;
            for (; j + V.Count <= tile.Columns; j += V.Count)
            {
                V z = V.Load(from + j);
                if (bias != null)
                    z += V.Load(bias + tile.Column + j);
                if (preActivation != null)
                    z.Store(preActivation + at + j);
                ActivationCpu.Apply(z, activation).Store(y + at + j);
            }

            for (; j < tile.Columns; j++)
            {
                float z = from[j] + (bias != null ? bias[tile.Column + j] : 0);
                if (preActivation != null)
                    preActivation[at + j] = z;
                y[at + j] = ActivationCpu.Apply<V>(z, activation);
            }
        }
    }
}
