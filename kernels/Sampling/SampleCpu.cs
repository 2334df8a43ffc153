using System;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Sampling;

/// <summary>
/// Sampling as <see cref="SamplingOptions"/> defines it, over rows, without sorting: the rank at which top-k or top-p cut is found digit by
/// digit of the logits' order, as in a radix sort that follows one bucket only.
/// </summary>
internal readonly unsafe struct SampleCpu<V>(
    float* logits, long stride, int* ids, int vocabulary, long position, SamplingOptions options, float* workspace, WorkerScratch scratch) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private const int DigitBits = 8;
    private const int Buckets = 1 << DigitBits;

    private readonly SamplingOptions _options = options;

    public void Run(int begin, int end, int worker)
    {
        for (int row = begin; row < end; row++)
            ids[row] = Sample(row, logits + (row * stride), workspace + (row * stride), scratch.Of(worker));
    }

    private int Sample(int row, float* z, float* weights, float* memory)
    {
        int best = 0;
        for (int id = 1; id < vocabulary; id++)
        {
            if (z[id] > z[best])
                best = id;
        }

        if (_options.Temperature == 0)
            return best;
        for (int id = 0; id < vocabulary; id++)
            weights[id] = (z[id] - z[best]) / _options.Temperature;
        Exponentiate(weights);
        var cut = new RankCut(0, vocabulary);
        if (_options.TopK > 0 && _options.TopK < vocabulary)
            cut = Cut(z, weights, _options.TopK, double.PositiveInfinity, memory);
        double total = Total(z, weights, cut);
        if (_options.TopP < 1)
        {
            // A prefix of the ranking that is cut shorter than top-k's is the same whether the rest was there or not.
            RankCut nucleus = Cut(z, weights, int.MaxValue, _options.TopP * total, memory);
            cut = nucleus.IsShorterThan(cut) ? nucleus : cut;
            total = Total(z, weights, cut);
        }

        return Draw(z, weights, cut, SamplingReference.Draw(_options.Seed, row, position) * total, best);
    }

    private void Exponentiate(float* weights)
    {
        int id = 0;
        for (; id + V.Count <= vocabulary; id += V.Count)
            SimdMath.Exp(V.Load(weights + id)).Store(weights + id);
        for (; id < vocabulary; id++)
            weights[id] = MathF.Exp(weights[id]);
    }

    private int Draw(float* z, float* weights, RankCut cut, double target, int best)
    {
        double cumulative = 0;
        int last = best, ties = 0;
        for (int id = 0; id < vocabulary; id++)
        {
            if (!cut.Keeps(Order(z[id]), ref ties) || !(weights[id] > 0))
                continue;
            cumulative += weights[id];
            last = id;
            if (cumulative >= target)
                break;
        }

        return last;
    }

    private double Total(float* z, float* weights, RankCut cut)
    {
        double total = 0;
        int ties = 0;
        for (int id = 0; id < vocabulary; id++)
        {
            if (cut.Keeps(Order(z[id]), ref ties))
                total += weights[id];
        }

        return total;
    }

    // The shortest prefix of the ranking with `count` ids or weights that sum to `weight`, whichever comes first.
    private RankCut Cut(float* z, float* weights, int count, double weight, float* memory)
    {
        double* sums = (double*)memory;
        int* counts = (int*)(sums + Buckets);
        uint prefix = 0;
        for (int shift = 32 - DigitBits; shift >= 0; shift -= DigitBits)
        {
            new Span<double>(sums, Buckets).Clear();
            new Span<int>(counts, Buckets).Clear();
            for (int id = 0; id < vocabulary; id++)
            {
                uint order = Order(z[id]);
                if ((ulong)(order ^ prefix) >> (shift + DigitBits) == 0)
                {
                    uint digit = (order >> shift) % Buckets;
                    sums[digit] += weights[id];
                    counts[digit]++;
                }
            }

            int at = Buckets - 1;
            int lowest = Lowest(counts);
            for (; at > lowest && counts[at] < count && sums[at] < weight; at--)
            {
                count -= counts[at];
                weight -= sums[at];
            }

            prefix |= (uint)at << shift;
            if (shift == 0)
            {
                // All of this bucket are ties of one weight.
                double each = counts[at] == 0 ? 0 : sums[at] / counts[at];
                double byWeight = each > 0 ? Math.Max(1, Math.Ceiling(weight / each)) : counts[at];
                return new RankCut(prefix, (int)Math.Min(Math.Min(count, byWeight), counts[at]));
            }
        }

        throw new InvalidOperationException("The digits of 32 bits are a whole number.");
    }

    private static int Lowest(int* counts)
    {
        int lowest = 0;
        while (lowest < Buckets - 1 && counts[lowest] == 0)
            lowest++;
        return lowest;
    }

    // Unsigned integers in the order of the floats, −0 as +0.
    private static uint Order(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value + 0.0f);
        return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
    }
}
