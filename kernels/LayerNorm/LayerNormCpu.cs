using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.LayerNorm;

/// <summary>
/// Layer normalisation on the CPU. Forward reads and writes memory once: the sum, its two-pass mean and variance and the result all come
/// from a row in the first-level cache. Backward keeps one partial gradient of weight and bias for each block of rows; blocks depend on
/// the number of rows alone and are added in order, so that the bits do not depend on threads.
/// </summary>
internal static unsafe class LayerNormCpu<V>
    where V : unmanaged, ISimd<V>
{
    private const int MaxBlocks = 64;
    private const int MinBlockRows = 16;

    public static int BlocksOf(long rows) => (int)Math.Clamp((rows + MinBlockRows - 1) / MinBlockRows, 1, MaxBlocks);

    /// <summary>Arguments of the forward pass; delta, and with it sum, may be null.</summary>
    public readonly struct Forward(
        float* x, float* delta, float* sum, float* weight, float* bias, float* y, float* mean, float* rstd, int channels, float epsilon,
        DropoutMask mask, WorkerScratch scratch) : IParallelWork
    {
        private readonly DropoutMask _mask = mask;

        public void Run(int begin, int end, int worker)
        {
            for (long row = begin; row < end; row++)
            {
                long at = row * channels;
                float* input = x + at;
                float total;
                if (delta != null)
                {
                    float* multipliers = null;
                    if (_mask.IsActive)
                    {
                        multipliers = scratch.Of(worker);
                        _mask.Fill(row, channels, multipliers);
                    }

                    total = Add(input, delta + at, multipliers, sum + at);
                    input = sum + at;
                }
                else
                {
                    total = Total(input);
                }

                float rowMean = total / channels;
                float rowRstd = 1.0f / MathF.Sqrt((SquaredDeviations(input, rowMean) / channels) + epsilon);
                Normalise(input, rowMean, rowRstd, y + at);
                mean[row] = rowMean;
                rstd[row] = rowRstd;
            }
        }

        private float Add(float* left, float* right, float* multipliers, float* to)
        {
            V total = V.Zero;
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V added = V.Load(right + c);
                V value = V.Load(left + c) + (multipliers == null ? added : added * V.Load(multipliers + c));
                value.Store(to + c);
                total += value;
            }

            float rest = 0;
            for (; c < channels; c++)
            {
                to[c] = left[c] + (multipliers == null ? right[c] : right[c] * multipliers[c]);
                rest += to[c];
            }

            return total.Sum() + rest;
        }

        private float Total(float* row)
        {
            V total = V.Zero;
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
                total += V.Load(row + c);
            float rest = 0;
            for (; c < channels; c++)
                rest += row[c];
            return total.Sum() + rest;
        }

        private float SquaredDeviations(float* row, float rowMean)
        {
            V total = V.Zero, center = V.Create(rowMean);
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V deviation = V.Load(row + c) - center;
                total = V.MultiplyAdd(deviation, deviation, total);
            }

            float rest = 0;
            for (; c < channels; c++)
                rest += (row[c] - rowMean) * (row[c] - rowMean);
            return total.Sum() + rest;
        }

        private void Normalise(float* row, float rowMean, float rowRstd, float* to)
        {
            V center = V.Create(rowMean), factor = V.Create(rowRstd);
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
                V.MultiplyAdd((V.Load(row + c) - center) * factor, V.Load(weight + c), V.Load(bias + c)).Store(to + c);
            for (; c < channels; c++)
                to[c] = ((row[c] - rowMean) * rowRstd * weight[c]) + bias[c];
        }
    }

    /// <summary>Backward over blocks of rows: gradSum, gradDelta, and each block's part of gradWeight and gradBias in
    /// <c>partials</c> (blocks, 2, C).</summary>
    public readonly struct Backward(
        float* gradY, float* sum, float* weight, float* mean, float* rstd, float* gradSum, float* gradDelta, float* partials, long rows,
        int channels, int blocks, bool accumulateGradSum, DropoutMask mask, WorkerScratch scratch) : IParallelWork
    {
        private readonly DropoutMask _mask = mask;

        public void Run(int begin, int end, int worker)
        {
            for (int block = begin; block < end; block++)
            {
                float* gradWeight = partials + ((long)block * 2 * channels), gradBias = gradWeight + channels;
                new Span<float>(gradWeight, 2 * channels).Clear();
                for (long row = rows * block / blocks; row < rows * (block + 1) / blocks; row++)
                    Row(row, gradWeight, gradBias, worker);
            }
        }

        private void Row(long row, float* gradWeight, float* gradBias, int worker)
        {
            long at = row * channels;
            float* dy = gradY + at;
            float* x = sum + at;
            V center = V.Create(mean[row]), factor = V.Create(rstd[row]);
            V total = V.Zero, projected = V.Zero;
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V g = V.Load(dy + c), normal = (V.Load(x + c) - center) * factor, weighted = g * V.Load(weight + c);
                V.MultiplyAdd(g, normal, V.Load(gradWeight + c)).Store(gradWeight + c);
                (g + V.Load(gradBias + c)).Store(gradBias + c);
                total += weighted;
                projected = V.MultiplyAdd(weighted, normal, projected);
            }

            float totalRest = 0, projectedRest = 0;
            for (; c < channels; c++)
            {
                float normal = (x[c] - mean[row]) * rstd[row];
                gradWeight[c] += dy[c] * normal;
                gradBias[c] += dy[c];
                totalRest += dy[c] * weight[c];
                projectedRest += dy[c] * weight[c] * normal;
            }

            InputGradient(row, (total.Sum() + totalRest) / channels, (projected.Sum() + projectedRest) / channels);
            if (gradDelta != null)
                DeltaGradient(row, worker);
        }

        // gradSum (+)= rstd·(w∘dy − mean(w∘dy) − x̂·mean(w∘dy∘x̂))
        private void InputGradient(long row, float meanGradient, float meanProjected)
        {
            long at = row * channels;
            float* dy = gradY + at;
            float* x = sum + at;
            float* to = gradSum + at;
            V center = V.Create(mean[row]), factor = V.Create(rstd[row]), first = V.Create(meanGradient), second = V.Create(meanProjected);
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V normal = (V.Load(x + c) - center) * factor;
                V value = ((V.Load(dy + c) * V.Load(weight + c)) - first - (normal * second)) * factor;
                (accumulateGradSum ? value + V.Load(to + c) : value).Store(to + c);
            }

            for (; c < channels; c++)
            {
                float normal = (x[c] - mean[row]) * rstd[row];
                float value = ((dy[c] * weight[c]) - meanGradient - (normal * meanProjected)) * rstd[row];
                to[c] = accumulateGradSum ? to[c] + value : value;
            }
        }

        private void DeltaGradient(long row, int worker)
        {
            float* from = gradSum + (row * channels);
            float* to = gradDelta + (row * channels);
            if (!_mask.IsActive)
            {
                new Span<float>(from, channels).CopyTo(new Span<float>(to, channels));
                return;
            }

            float* multipliers = scratch.Of(worker);
            _mask.Fill(row, channels, multipliers);
            for (int c = 0; c < channels; c++)
                to[c] = from[c] * multipliers[c];
        }
    }

    /// <summary>Adds the blocks' parts, in order of blocks, for a range of channels.</summary>
    public readonly struct Reduce(float* partials, int blocks, int channels, float* gradWeight, float* gradBias, bool accumulate) : IParallelWork
    {
        public void Run(int begin, int end, int worker)
        {
            for (int c = begin; c < end; c++)
            {
                float weightTotal = 0, biasTotal = 0;
                for (int block = 0; block < blocks; block++)
                {
                    weightTotal += partials[((long)block * 2 * channels) + c];
                    biasTotal += partials[((long)((block * 2) + 1) * channels) + c];
                }

                gradWeight[c] = accumulate ? gradWeight[c] + weightTotal : weightTotal;
                gradBias[c] = accumulate ? gradBias[c] + biasTotal : biasTotal;
            }
        }
    }
}
