using System;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.AdamW;

/// <summary>Σ g² by blocks of fixed length, in double: exact enough for any arena, and no square overflows. One partial a block.</summary>
internal readonly unsafe struct SumOfSquaresCpu(float* values, long count, double* partials) : IParallelWork
{
    /// <summary>Elements a block; the partition depends on the count alone, so that the bits do not depend on threads.</summary>
    public const int BlockElements = 1 << 15;

    public static long BlocksOf(long count) => (count + BlockElements - 1) / BlockElements;

    public void Run(int begin, int end, int worker)
    {
        for (int block = begin; block < end; block++)
        {
            long from = (long)block * BlockElements;
            partials[block] = SumBlock(values + from, (int)Math.Min(BlockElements, count - from));
        }
    }

    private static double SumBlock(float* block, int length)
    {
        Vector256<double> a = default, b = default, c = default, d = default;
        int i = 0;
        for (; i + 16 <= length; i += 16)
        {
            (Vector256<double> x, Vector256<double> y) = Vector256.Widen(Vector256.Load(block + i));
            (Vector256<double> z, Vector256<double> w) = Vector256.Widen(Vector256.Load(block + i + 8));
            a += x * x;
            b += y * y;
            c += z * z;
            d += w * w;
        }

        double total = Vector256.Sum(a + b + (c + d));
        for (; i < length; i++)
            total += (double)block[i] * block[i];
        return total;
    }
}
