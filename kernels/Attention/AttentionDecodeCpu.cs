using System;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Attention;

/// <summary>One new token a sequence against the cache, over (sequence, head): both caches are streamed once, with a running maximum.</summary>
internal readonly unsafe struct AttentionDecodeCpu<V>(
    float* qkv, float* keyCache, float* valueCache, int* documentStart, float* output, int position, long capacity, AttentionShape shape,
    WorkerScratch scratch) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private const int Block = 256;

    private readonly AttentionShape _shape = shape;

    public void Run(int begin, int end, int worker)
    {
        int size = _shape.HeadSize;
        for (int item = begin; item < end; item++)
        {
            int sequence = item / _shape.Heads, head = item % _shape.Heads;
            float* q = qkv + ((long)sequence * 3 * _shape.Channels) + ((long)head * size);
            float* keys = keyCache + (item * capacity * size), values = valueCache + (item * capacity * size);
            new Span<float>(q + _shape.Channels, size).CopyTo(new Span<float>(keys + ((long)position * size), size));
            new Span<float>(q + (2 * _shape.Channels), size).CopyTo(new Span<float>(values + ((long)position * size), size));
            Attend(q, keys, values, documentStart[sequence], output + ((long)sequence * _shape.Channels) + ((long)head * size), scratch.Of(worker));
        }
    }

    private void Attend(float* q, float* keys, float* values, int firstKey, float* to, float* scores)
    {
        int size = _shape.HeadSize;
        float maximum = AttentionTile<V>.Hidden, sum = 0;
        new Span<float>(to, size).Clear();
        for (int key = firstKey; key <= position; key += Block)
        {
            int count = Math.Min(Block, position + 1 - key);
            float before = maximum;
            for (int i = 0; i < count; i++)
            {
                scores[i] = Dot(q, keys + ((long)(key + i) * size), size) * _shape.Scale;
                maximum = MathF.Max(maximum, scores[i]);
            }

            float factor = MathF.Exp(before - maximum);
            sum *= factor;
            for (int d = 0; d < size; d++)
                to[d] *= factor;
            for (int i = 0; i < count; i++)
            {
                float weight = MathF.Exp(scores[i] - maximum);
                sum += weight;
                AddScaled(weight, values + ((long)(key + i) * size), to, size);
            }
        }

        for (int d = 0; d < size; d++)
            to[d] /= sum;
    }

    private static float Dot(float* left, float* right, int count)
    {
        V total = V.Zero;
        int d = 0;
        for (; d + V.Count <= count; d += V.Count)
            total = V.MultiplyAdd(V.Load(left + d), V.Load(right + d), total);
        float rest = 0;
        for (; d < count; d++)
            rest += left[d] * right[d];
        return total.Sum() + rest;
    }

    private static void AddScaled(float factor, float* from, float* to, int count)
    {
        V scale = V.Create(factor);
        int d = 0;
        for (; d + V.Count <= count; d += V.Count)
            V.MultiplyAdd(V.Load(from + d), scale, V.Load(to + d)).Store(to + d);
        for (; d < count; d++)
            to[d] += from[d] * factor;
    }
}
