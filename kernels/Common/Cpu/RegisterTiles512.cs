using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>
/// The register tiles of <see cref="TileProduct{V}"/>, two vectors wide, in 512-bit vectors: 16 of the 32 registers accumulate, twice what hides the latency of 4 cycles.
/// Written on the bare vectors: through a wrapping struct the JIT copies every accumulator at every step, at half the speed.
/// </summary>
internal static unsafe class RegisterTiles512
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector512<float> first, Vector512<float> second, float* c, bool accumulate)
    {
        if (accumulate)
        {
            first += Vector512.Load(c);
            second += Vector512.Load(c + 16);
        }

        first.Store(c);
        second.Store(c + 16);
    }

    public static void Rows8(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow, a6 = a5 + aRow, a7 = a6 + aRow;
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default;
        Vector512<float> c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default;
        Vector512<float> c70 = default, c71 = default;
        nint at = 0;
        do
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(a0[at]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00);
            c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a1[at]);
            c10 = Avx512F.FusedMultiplyAdd(x, b0, c10);
            c11 = Avx512F.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a2[at]);
            c20 = Avx512F.FusedMultiplyAdd(x, b0, c20);
            c21 = Avx512F.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a3[at]);
            c30 = Avx512F.FusedMultiplyAdd(x, b0, c30);
            c31 = Avx512F.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a4[at]);
            c40 = Avx512F.FusedMultiplyAdd(x, b0, c40);
            c41 = Avx512F.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a5[at]);
            c50 = Avx512F.FusedMultiplyAdd(x, b0, c50);
            c51 = Avx512F.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a6[at]);
            c60 = Avx512F.FusedMultiplyAdd(x, b0, c60);
            c61 = Avx512F.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a7[at]);
            c70 = Avx512F.FusedMultiplyAdd(x, b0, c70);
            c71 = Avx512F.FusedMultiplyAdd(x, b1, c71);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);

        Put(c00, c01, c, accumulate);
        c += cRow;
        Put(c10, c11, c, accumulate);
        c += cRow;
        Put(c20, c21, c, accumulate);
        c += cRow;
        Put(c30, c31, c, accumulate);
        c += cRow;
        Put(c40, c41, c, accumulate);
        c += cRow;
        Put(c50, c51, c, accumulate);
        c += cRow;
        Put(c60, c61, c, accumulate);
        c += cRow;
        Put(c70, c71, c, accumulate);
    }

    public static void Rows4(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        nint at = 0;
        do
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(a0[at]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00);
            c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a1[at]);
            c10 = Avx512F.FusedMultiplyAdd(x, b0, c10);
            c11 = Avx512F.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a2[at]);
            c20 = Avx512F.FusedMultiplyAdd(x, b0, c20);
            c21 = Avx512F.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a3[at]);
            c30 = Avx512F.FusedMultiplyAdd(x, b0, c30);
            c31 = Avx512F.FusedMultiplyAdd(x, b1, c31);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);

        Put(c00, c01, c, accumulate);
        c += cRow;
        Put(c10, c11, c, accumulate);
        c += cRow;
        Put(c20, c21, c, accumulate);
        c += cRow;
        Put(c30, c31, c, accumulate);
    }

    public static void Rows1(nint k, float* a, nint aStep, float* b, nint bStep, float* c, bool accumulate)
    {
        Vector512<float> c00 = default, c01 = default;
        nint at = 0;
        do
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(a[at]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00);
            c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);

        Put(c00, c01, c, accumulate);
    }
}
