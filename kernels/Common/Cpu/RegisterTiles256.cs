using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>
/// The register tiles of <see cref="TileProduct{V}"/>, two vectors wide, in 256-bit vectors: 8 of the 16 registers accumulate, what hides the latency of 4 cycles.
/// Written on the bare vectors: through a wrapping struct the JIT copies every accumulator at every step, at half the speed.
/// </summary>
internal static unsafe class RegisterTiles256
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> first, Vector256<float> second, float* c, bool accumulate)
    {
        if (accumulate)
        {
            first += Vector256.Load(c);
            second += Vector256.Load(c + 8);
        }

        first.Store(c);
        second.Store(c + 8);
    }

    public static void Rows4(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a, a1 = a0 + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        Vector256<float> c00 = default, c01 = default;
        Vector256<float> c10 = default, c11 = default;
        Vector256<float> c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default;
        nint at = 0;
        do
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(a0[at]);
            c00 = Fma.MultiplyAdd(x, b0, c00);
            c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Vector256.Create(a1[at]);
            c10 = Fma.MultiplyAdd(x, b0, c10);
            c11 = Fma.MultiplyAdd(x, b1, c11);
            x = Vector256.Create(a2[at]);
            c20 = Fma.MultiplyAdd(x, b0, c20);
            c21 = Fma.MultiplyAdd(x, b1, c21);
            x = Vector256.Create(a3[at]);
            c30 = Fma.MultiplyAdd(x, b0, c30);
            c31 = Fma.MultiplyAdd(x, b1, c31);
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
        Vector256<float> c00 = default, c01 = default;
        nint at = 0;
        do
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x = Vector256.Create(a[at]);
            c00 = Fma.MultiplyAdd(x, b0, c00);
            c01 = Fma.MultiplyAdd(x, b1, c01);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);

        Put(c00, c01, c, accumulate);
    }
}
