using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Rotary;

/// <summary>Rotates Q and K in place, over rows.</summary>
internal readonly unsafe struct RotaryCpu<V>(float* qkv, float* cosine, float* sine, AttentionShape shape, int firstPosition, bool inverse) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private readonly AttentionShape _shape = shape;

    public void Run(int begin, int end, int worker)
    {
        int half = _shape.HeadSize / 2;
        for (long row = begin; row < end; row++)
        {
            long angle = (firstPosition + (row % _shape.Time)) * half;
            float* heads = qkv + (row * 3 * _shape.Channels);
            for (int head = 0; head < 2 * _shape.Heads; head++, heads += _shape.HeadSize)
                Rotate(heads, cosine + angle, sine + angle, half);
        }
    }

    private void Rotate(float* head, float* cos, float* sin, int half)
    {
        V sign = V.Create(inverse ? -1.0f : 1.0f);
        int i = 0;
        for (; i + V.Count <= half; i += V.Count)
        {
            V a = V.Load(head + i), b = V.Load(head + half + i), c = V.Load(cos + i), s = V.Load(sin + i) * sign;
            ((a * c) - (b * s)).Store(head + i);
            ((a * s) + (b * c)).Store(head + half + i);
        }

        for (; i < half; i++)
        {
            float a = head[i], b = head[half + i], s = inverse ? -sin[i] : sin[i];
            head[i] = (a * cos[i]) - (b * s);
            head[half + i] = (a * s) + (b * cos[i]);
        }
    }
}
