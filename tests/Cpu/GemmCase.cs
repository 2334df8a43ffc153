using System;
using GptEngine.Runtime.Cpu.Gemm;
using NUnit.Framework;

namespace GptEngine.Tests.Cpu;

/// <summary>One product with padded rows, poisoned padding, and its result in double.</summary>
internal sealed unsafe class GemmCase
{
    private const int Padding = 3;

    private readonly int _m, _n, _k;
    private readonly bool _transposeA, _transposeB;
    private readonly float[] _a, _b;
    private readonly int _lda, _ldb;

    public GemmCase(int m, int n, int k, bool transposeA, bool transposeB, Random random)
    {
        (_m, _n, _k, _transposeA, _transposeB) = (m, n, k, transposeA, transposeB);
        _lda = (transposeA ? m : k) + Padding;
        _ldb = (transposeB ? k : n) + Padding;
        _a = Fill(transposeA ? k : m, _lda, random);
        _b = Fill(transposeB ? n : k, _ldb, random);
    }

    /// <summary>Runs the product, plain and with alpha and beta, and holds both against double.</summary>
    public void Check(CpuGemm gemm)
    {
        Check(gemm, alpha: 1, beta: 0);
        Check(gemm, alpha: -0.5f, beta: 2);
    }

    private static float[] Fill(int rows, int stride, Random random)
    {
        // NaN in the padding: whatever reads it shows.
        var values = new float[Math.Max(1, rows * stride)];
        Array.Fill(values, float.NaN);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < stride - Padding; j++)
                values[i * stride + j] = random.NextSingle() - 0.5f;
        }
        return values;
    }

    private void Check(CpuGemm gemm, float alpha, float beta)
    {
        int ldc = _n + Padding;
        var c = new float[_m * ldc];
        Array.Fill(c, float.NaN);
        if (beta != 0)
        {
            for (int i = 0; i < _m; i++)
                c.AsSpan(i * ldc, _n).Fill(0.25f);
        }
        fixed (float* a = _a, b = _b, pc = c)
            gemm.Multiply(_m, _n, _k, a, _lda, _transposeA, b, _ldb, _transposeB, pc, ldc, alpha, beta);
        for (int i = 0; i < _m; i++)
        {
            for (int j = 0; j < ldc; j++)
            {
                float actual = c[i * ldc + j];
                if (j >= _n)
                    Require(float.IsNaN(actual), i, j, actual, double.NaN);
                else
                    RequireClose(i, j, actual, alpha, beta);
            }
        }
    }

    private void RequireClose(int i, int j, float actual, float alpha, float beta)
    {
        double sum = 0, magnitude = 0;
        for (int p = 0; p < _k; p++)
        {
            double product = (double)_a[_transposeA ? p * _lda + i : i * _lda + p] * _b[_transposeB ? j * _ldb + p : p * _ldb + j];
            sum += product;
            magnitude += Math.Abs(product);
        }
        double expected = alpha * sum + (beta == 0 ? 0 : beta * 0.25);
        // The bound of a sum of k products in any order (Higham 2002, 3.5), with u = 2⁻²⁴, and two roundings of the epilogue.
        double bound = (_k + 3) * Math.Pow(2, -24) * (magnitude * Math.Abs(alpha) + Math.Abs(beta));
        Require(Math.Abs(actual - expected) <= bound + 1e-30, i, j, actual, expected);
    }

    private void Require(bool condition, int i, int j, float actual, double expected)
    {
        if (!condition)
        {
            Assert.Fail($"({_m}, {_n}, {_k}) transposeA {_transposeA} transposeB {_transposeB}: "
                + $"element ({i}, {j}) is {actual:R}, expected {expected:R}");
        }
    }
}
