using System;
using System.Diagnostics;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Perf.Gemm;

/// <summary>Measures the ceiling: independent fused multiply-adds in registers, on every thread of a pool.</summary>
internal static class MultiplyAddPeak
{
    private const int Rounds = 200_000;

    /// <summary>FLOP/s of all threads together, the best of several tries.</summary>
    public static double Measure(CpuThreadPool pool)
    {
        double best = 0;
        for (int i = 0; i < 40; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(pool.ThreadCount, new Work());
            double flops = 2.0 * 16 * Vector512<float>.Count * Rounds * pool.ThreadCount;
            best = Math.Max(best, flops / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private readonly struct Work : IParallelWork
    {
        public void Run(int begin, int end, int worker)
        {
            for (int i = begin; i < end; i++)
            {
                if (Chains() == 12345)
                    throw new InvalidOperationException("The sum that keeps the loop alive has an impossible value.");
            }
        }

        private static float Chains()
        {
            Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
            Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x;
            for (int i = 0; i < Rounds * 2; i++)
            {
                a = Vector512.MultiplyAddEstimate(a, x, y);
                b = Vector512.MultiplyAddEstimate(b, x, y);
                c = Vector512.MultiplyAddEstimate(c, x, y);
                d = Vector512.MultiplyAddEstimate(d, x, y);
                e = Vector512.MultiplyAddEstimate(e, x, y);
                f = Vector512.MultiplyAddEstimate(f, x, y);
                g = Vector512.MultiplyAddEstimate(g, x, y);
                h = Vector512.MultiplyAddEstimate(h, x, y);
            }
            return Vector512.Sum(a + b + c + d + (e + f + g + h));
        }
    }
}
