using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Embedding;

/// <summary>Token and position embedding on the CPU.</summary>
internal static unsafe class EmbeddingCpu<V>
    where V : unmanaged, ISimd<V>
{
    /// <summary>Forward, over rows; positions may be null.</summary>
    public readonly struct Forward(
        int* tokens, float* tokenEmbedding, float* positionEmbedding, float* output, int time, int channels, int firstPosition, DropoutMask mask,
        WorkerScratch scratch) : IParallelWork
    {
        private readonly DropoutMask _mask = mask;

        public void Run(int begin, int end, int worker)
        {
            for (long row = begin; row < end; row++)
            {
                float* to = output + (row * channels);
                float* token = tokenEmbedding + ((long)tokens[row] * channels);
                if (positionEmbedding != null)
                    Add(token, positionEmbedding + ((firstPosition + (row % time)) * channels), to);
                else
                    new Span<float>(token, channels).CopyTo(new Span<float>(to, channels));
                if (_mask.IsActive)
                {
                    float* multipliers = scratch.Of(worker);
                    _mask.Fill(row, channels, multipliers);
                    for (int c = 0; c < channels; c++)
                        to[c] *= multipliers[c];
                }
            }
        }

        private void Add(float* left, float* right, float* to)
        {
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
                (V.Load(left + c) + V.Load(right + c)).Store(to + c);
            for (; c < channels; c++)
                to[c] = left[c] + right[c];
        }
    }

    /// <summary>
    /// Backward, over channels: a worker owns a range of channels of every row of the tables, so that no two touch the same element and
    /// each element's sum runs over the rows in order. Multipliers of dropout (N, C) are given where it is active.
    /// </summary>
    public readonly struct Backward(
        int* tokens, float* gradOutput, float* gradTokens, float* gradPositions, long rows, int time, int channels, long positionRows,
        float* multipliers, bool accumulate) : IParallelWork
    {
        public void Run(int begin, int end, int worker)
        {
            int width = end - begin;
            if (gradPositions != null && !accumulate)
            {
                for (long t = 0; t < positionRows; t++)
                    new Span<float>(gradPositions + (t * channels) + begin, width).Clear();
            }

            for (long row = 0; row < rows; row++)
            {
                long at = (row * channels) + begin;
                float* factors = multipliers == null ? null : multipliers + at;
                Accumulate(gradOutput + at, factors, gradTokens + ((long)tokens[row] * channels) + begin, width);
                if (gradPositions != null)
                    Accumulate(gradOutput + at, factors, gradPositions + (row % time * channels) + begin, width);
            }
        }

        private static void Accumulate(float* from, float* factors, float* to, int width)
        {
            int c = 0;
            for (; c + V.Count <= width; c += V.Count)
            {
                V value = V.Load(from + c);
                (V.Load(to + c) + (factors == null ? value : value * V.Load(factors + c))).Store(to + c);
            }

            for (; c < width; c++)
                to[c] += factors == null ? from[c] : from[c] * factors[c];
        }
    }

    /// <summary>Writes dropout's multipliers (N, C), over rows.</summary>
    public readonly struct Multipliers(DropoutMask mask, int channels, float* multipliers) : IParallelWork
    {
        private readonly DropoutMask _mask = mask;

        public void Run(int begin, int end, int worker)
        {
            for (long row = begin; row < end; row++)
                _mask.Fill(row, channels, multipliers + (row * channels));
        }
    }
}
