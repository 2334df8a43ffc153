using System;
using System.Linq;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using GptEngine.Runtime.Cpu.VectorMath;
using NUnit.Framework;

namespace GptEngine.Tests.Cpu;

/// <summary>Fused epilogues, sums fused into packing, the same bits for any number of threads, and no allocation.</summary>
public sealed unsafe class GemmEpilogueTests
{
    private const int M = 70, N = 101, K = 300;

    private static readonly CpuIsa[] s_isas = [.. Enum.GetValues<CpuIsa>().Where(CpuFeatures.IsSupported)];

    [TestCaseSource(nameof(s_isas))]
    public void Forward_BiasGeluResidual_MatchesSeparatePasses(CpuIsa isa)
    {
        using var pool = new CpuThreadPool(2);
        using var gemm = new CpuGemm(pool, isa);
        float[] x = Random(M * K, 1), w = Random(N * K, 2), bias = Random(N, 3), residual = Random(M * N, 4);
        float[] plain = new float[M * N], y = new float[M * N + 1], pre = new float[M * N + 1];
        y[M * N] = pre[M * N] = 7;
        fixed (float* px = x, pw = w, pb = bias, pr = residual, pPlain = plain, py = y, pPre = pre)
        {
            gemm.Multiply(M, N, K, px, K, false, pw, K, true, pPlain, N);
            var operation = new ForwardOperation<GeluTanh>(py, N, pb, pPre, pr);
            gemm.Multiply(M, N, K, px, K, false, pw, K, true, new ElementwiseEpilogue<ForwardOperation<GeluTanh>>(operation));
        }
        for (int i = 0; i < M * N; i++)
        {
            Assert.That(pre[i], Is.EqualTo(plain[i] + bias[i % N]));
            double u = Math.Sqrt(2 / Math.PI) * (pre[i] + 0.044715 * Math.Pow(pre[i], 3));
            Assert.That(y[i], Is.EqualTo(0.5 * pre[i] * (1 + Math.Tanh(u)) + residual[i]).Within(1e-5));
        }
        Assert.That((y[M * N], pre[M * N]), Is.EqualTo((7f, 7f)), "guard elements");
    }

    [TestCaseSource(nameof(s_isas))]
    public void Backward_ActivationSlope_MultipliesProduct(CpuIsa isa)
    {
        using var pool = new CpuThreadPool(2);
        using var gemm = new CpuGemm(pool, isa);
        float[] gradY = Random(M * K, 1), w = Random(K * N, 2), pre = Random(M * N, 3), plain = new float[M * N], gradX = new float[M * N];
        fixed (float* pg = gradY, pw = w, pPre = pre, pPlain = plain, px = gradX)
        {
            gemm.Multiply(M, N, K, pg, K, false, pw, N, false, pPlain, N);
            var operation = new BackwardOperation<Relu>(px, N, pPre);
            gemm.Multiply(M, N, K, pg, K, false, pw, N, false, new ElementwiseEpilogue<BackwardOperation<Relu>>(operation));
        }
        for (int i = 0; i < M * N; i++)
            Assert.That(gradX[i], Is.EqualTo(pre[i] > 0 ? plain[i] : 0));
    }

    [TestCaseSource(nameof(s_isas))]
    public void SummedLines_GradW_AlsoGivesColumnSums(CpuIsa isa)
    {
        const int Tokens = 700, Outputs = 301, Inputs = 1100;
        using var pool = new CpuThreadPool(3);
        using var gemm = new CpuGemm(pool, isa);
        float[] gradY = Random(Tokens * Outputs, 1), x = Random(Tokens * Inputs, 2), gradW = new float[Outputs * Inputs], gradB = new float[Outputs];
        Array.Fill(gradB, 1);
        fixed (float* pg = gradY, px = x, pw = gradW, pb = gradB)
        {
            gemm.Multiply(Outputs, Inputs, Tokens, new SummedLines(pg, Outputs, pb), new ColumnMajorLines(px, Inputs),
                new StoreEpilogue(pw, Inputs, 1, 1));
        }
        for (int i = 0; i < Outputs; i++)
        {
            double expected = 1;
            for (int t = 0; t < Tokens; t++)
                expected += gradY[t * Outputs + i];
            Assert.That(gradB[i], Is.EqualTo(expected).Within(1e-4));
        }
    }

    [TestCaseSource(nameof(s_isas))]
    public void Multiply_AnyThreadsOrSerial_SameBits(CpuIsa isa)
    {
        float[] a = Random(513 * 700, 1), b = Random(700 * 300, 2);
        float[]? first = null;
        for (int threads = 1; threads <= 4; threads++)
        {
            using var pool = new CpuThreadPool(threads);
            using var gemm = new CpuGemm(pool, isa);
            float[] c = new float[513 * 300], serial = new float[513 * 300];
            fixed (float* pa = a, pb = b, pc = c, ps = serial)
            {
                gemm.Multiply(513, 300, 700, pa, 700, false, pb, 700, true, pc, 300);
                gemm.MultiplySerial(0, 513, 300, 700, new RowMajorLines(pa, 700), new RowMajorLines(pb, 700), new StoreEpilogue(ps, 300));
            }
            first ??= c;
            Assert.That(c.AsSpan().SequenceEqual(first), Is.True, $"{threads} threads");
            Assert.That(serial.AsSpan().SequenceEqual(first), Is.True, "serial");
        }
    }

    [Test]
    public void Multiply_AfterFirstCall_AllocatesNothing()
    {
        using var pool = new CpuThreadPool(2);
        using var gemm = new CpuGemm(pool);
        float[] a = Random(300 * 300, 1), c = new float[300 * 300];
        fixed (float* pa = a, pc = c)
        {
            gemm.Multiply(300, 300, 300, pa, 300, false, pa, 300, true, pc, 300);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 50; i++)
                gemm.Multiply(300, 300, 300, pa, 300, false, pa, 300, true, pc, 300);
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        }
    }

    private static float[] Random(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)];
    }
}
