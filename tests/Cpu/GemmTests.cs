using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using NUnit.Framework;

namespace GptEngine.Tests.Cpu;

/// <summary>The products against sums in double, over sizes, layouts, instruction sets and thread counts.</summary>
public sealed unsafe class GemmTests
{
    private static readonly int[] s_lengths = [1, 2, 7, 16, 33, 97];

    private static IEnumerable<TestCaseData> Paths()
    {
        foreach (CpuIsa isa in Enum.GetValues<CpuIsa>())
        {
            if (!CpuFeatures.IsSupported(isa))
                continue;
            for (int threads = 1; threads <= 4; threads++)
                yield return new TestCaseData(isa, threads);
        }
    }

    [TestCaseSource(nameof(Paths))]
    public void Multiply_SizeTable_MatchesDouble(CpuIsa isa, int threads)
    {
        using var pool = new CpuThreadPool(threads);
        using var gemm = new CpuGemm(pool, isa);
        var random = new Random(1);
        foreach (int m in s_lengths)
        {
            foreach (int n in s_lengths)
            {
                foreach (int k in s_lengths)
                {
                    // Every size meets two of the four layouts with each thread count, and all of them over the counts.
                    int layout = (m + n + k + threads) % 4;
                    new GemmCase(m, n, k, (layout & 1) != 0, (layout & 2) != 0, random).Check(gemm);
                }
            }
        }
    }

    [TestCaseSource(nameof(Paths))]
    public void Multiply_LargeAndSkinny_MatchesDouble(CpuIsa isa, int threads)
    {
        using var pool = new CpuThreadPool(threads);
        using var gemm = new CpuGemm(pool, isa);
        var random = new Random(2);
        (int M, int N, int K)[] sizes = [(1, 5003, 64), (3, 1, 1500), (1025, 40, 17), (64, 1537, 513), (530, 530, 2), (5, 7, 4099), (4, 4, 0)];
        foreach ((int m, int n, int k) in sizes)
        {
            for (int layout = 0; layout < 4; layout++)
                new GemmCase(m, n, k, (layout & 1) != 0, (layout & 2) != 0, random).Check(gemm);
        }
    }
}
