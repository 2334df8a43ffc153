using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>
/// The register tiles of <see cref="TileProduct{V}"/>, two vectors wide, in 128-bit vectors of any processor.
/// Written on the bare vectors: through a wrapping struct the JIT copies every accumulator at every step, at half the speed.
/// </summary>
internal static unsafe class RegisterTiles128
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector128<float> first, Vector128<float> second, float* c, bool accumulate)
    {
        if (accumulate)
        {
            first += Vector128.Load(c);
            second += Vector128.Load(c + 4);
        }

        first.Store(c);
        second.Store(c + 4);
    }

    public static void Rows4(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        Vector128<float> c20 = default, c21 = default;
        Vector128<float> c30 = default, c31 = default;
        nint at = 0;
        do
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4);
            Vector128<float> x = Vector128.Create(a0[at]);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a1[at]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10);
            c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
            x = Vector128.Create(a2[at]);
            c20 = Vector128.MultiplyAddEstimate(x, b0, c20);
            c21 = Vector128.MultiplyAddEstimate(x, b1, c21);
            x = Vector128.Create(a3[at]);
            c30 = Vector128.MultiplyAddEstimate(x, b0, c30);
            c31 = Vector128.MultiplyAddEstimate(x, b1, c31);
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
        Vector128<float> c00 = default, c01 = default;
        nint at = 0;
        do
        {
            Vector128<float> b0 = Vector128.Load(b), b1 = Vector128.Load(b + 4);
            Vector128<float> x = Vector128.Create(a[at]);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00);
            c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);

        Put(c00, c01, c, accumulate);
    }
}
