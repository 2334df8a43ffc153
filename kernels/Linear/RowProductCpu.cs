using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Linear;

/// <summary>A linear layer for a few rows, as decoding has them, over outputs: the weight is streamed once, nothing is packed.</summary>
internal readonly unsafe struct RowProductCpu<V>(
    float* x, float* weight, float* bias, float* y, float* preActivation, int rows, int inputs, int outputs, Common.Activation activation) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    /// <summary>With more rows than this packing for the blocked product pays.</summary>
    public const int MaxRows = 4;

    public void Run(int begin, int end, int worker)
    {
        for (int o = begin; o < end; o++)
        {
            float* w = weight + ((long)o * inputs);
            for (int row = 0; row < rows; row++)
            {
                float z = Dot(x + ((long)row * inputs), w) + (bias != null ? bias[o] : 0);
                long at = ((long)row * outputs) + o;
                if (preActivation != null)
                    preActivation[at] = z;
                y[at] = activation == Common.Activation.Identity ? z : ActivationCpu.Apply<V>(z, activation);
            }
        }
    }

    private float Dot(float* left, float* right)
    {
        V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
        int i = 0;
        for (; i + (4 * V.Count) <= inputs; i += 4 * V.Count)
        {
            a = V.MultiplyAdd(V.Load(left + i), V.Load(right + i), a);
            b = V.MultiplyAdd(V.Load(left + i + V.Count), V.Load(right + i + V.Count), b);
            c = V.MultiplyAdd(V.Load(left + i + (2 * V.Count)), V.Load(right + i + (2 * V.Count)), c);
            d = V.MultiplyAdd(V.Load(left + i + (3 * V.Count)), V.Load(right + i + (3 * V.Count)), d);
        }

        for (; i + V.Count <= inputs; i += V.Count)
            a = V.MultiplyAdd(V.Load(left + i), V.Load(right + i), a);
        float rest = 0;
        for (; i < inputs; i++)
            rest += left[i] * right[i];
        return (a + b + (c + d)).Sum() + rest;
    }
}
