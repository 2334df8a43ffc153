using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Attention;

/// <summary>Copies K and V of whole sequences into the cache, over (sequence, head).</summary>
internal readonly unsafe struct CacheCpu(float* qkv, float* keyCache, float* valueCache, long capacity, AttentionShape shape) : IParallelWork
{
    private readonly AttentionShape _shape = shape;

    public void Run(int begin, int end, int worker)
    {
        int size = _shape.HeadSize;
        for (int item = begin; item < end; item++)
        {
            int sequence = item / _shape.Heads, head = item % _shape.Heads;
            float* k = qkv + ((long)sequence * _shape.Time * 3 * _shape.Channels) + _shape.Channels + ((long)head * size);
            long at = item * capacity * size;
            for (int t = 0; t < _shape.Time; t++, k += 3L * _shape.Channels, at += size)
            {
                new Span<float>(k, size).CopyTo(new Span<float>(keyCache + at, size));
                new Span<float>(k + _shape.Channels, size).CopyTo(new Span<float>(valueCache + at, size));
            }
        }
    }
}
