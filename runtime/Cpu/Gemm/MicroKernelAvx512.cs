using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// 12 × 32 in 24 of the 32 registers of 512 bits: each step in k loads 2 vectors of B and 12 broadcasts of A for 24 fused
/// multiply-adds, so that loads (two a cycle) stay behind the arithmetic (two a cycle). The variants of 4 and 8 rows serve the last
/// panel; 8 accumulators are the fewest that hide the latency of 4 cycles.
/// </summary>
internal readonly unsafe struct MicroKernelAvx512 : IMicroKernel
{
    public static int Rows => 12;

    public static int Columns => 32;

    public static void Compute(int rows, int depth, float* a, float* b, float* tile, bool accumulate)
    {
        if (rows <= 4)
            Compute4(depth, a, b, tile, accumulate);
        else if (rows <= 8)
            Compute8(depth, a, b, tile, accumulate);
        else
            Compute12(depth, a, b, tile, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute4(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        if (accumulate)
        {
            c00 = Vector512.LoadAligned(tile + 0); c01 = Vector512.LoadAligned(tile + 16);
            c10 = Vector512.LoadAligned(tile + 32); c11 = Vector512.LoadAligned(tile + 48);
            c20 = Vector512.LoadAligned(tile + 64); c21 = Vector512.LoadAligned(tile + 80);
            c30 = Vector512.LoadAligned(tile + 96); c31 = Vector512.LoadAligned(tile + 112);
        }
        for (float* end = a + (nint)depth * 12; a < end; a += 12, b += 32)
        {
            Vector512<float> b0 = Vector512.LoadAligned(b + 0), b1 = Vector512.LoadAligned(b + 16);
            Vector512<float> x = Vector512.Create(a[0]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00); c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Avx512F.FusedMultiplyAdd(x, b0, c10); c11 = Avx512F.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Avx512F.FusedMultiplyAdd(x, b0, c20); c21 = Avx512F.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Avx512F.FusedMultiplyAdd(x, b0, c30); c31 = Avx512F.FusedMultiplyAdd(x, b1, c31);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 16);
        c10.StoreAligned(tile + 32); c11.StoreAligned(tile + 48);
        c20.StoreAligned(tile + 64); c21.StoreAligned(tile + 80);
        c30.StoreAligned(tile + 96); c31.StoreAligned(tile + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute8(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default;
        Vector512<float> c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default;
        Vector512<float> c70 = default, c71 = default;
        if (accumulate)
        {
            c00 = Vector512.LoadAligned(tile + 0); c01 = Vector512.LoadAligned(tile + 16);
            c10 = Vector512.LoadAligned(tile + 32); c11 = Vector512.LoadAligned(tile + 48);
            c20 = Vector512.LoadAligned(tile + 64); c21 = Vector512.LoadAligned(tile + 80);
            c30 = Vector512.LoadAligned(tile + 96); c31 = Vector512.LoadAligned(tile + 112);
            c40 = Vector512.LoadAligned(tile + 128); c41 = Vector512.LoadAligned(tile + 144);
            c50 = Vector512.LoadAligned(tile + 160); c51 = Vector512.LoadAligned(tile + 176);
            c60 = Vector512.LoadAligned(tile + 192); c61 = Vector512.LoadAligned(tile + 208);
            c70 = Vector512.LoadAligned(tile + 224); c71 = Vector512.LoadAligned(tile + 240);
        }
        for (float* end = a + (nint)depth * 12; a < end; a += 12, b += 32)
        {
            Vector512<float> b0 = Vector512.LoadAligned(b + 0), b1 = Vector512.LoadAligned(b + 16);
            Vector512<float> x = Vector512.Create(a[0]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00); c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Avx512F.FusedMultiplyAdd(x, b0, c10); c11 = Avx512F.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Avx512F.FusedMultiplyAdd(x, b0, c20); c21 = Avx512F.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Avx512F.FusedMultiplyAdd(x, b0, c30); c31 = Avx512F.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Avx512F.FusedMultiplyAdd(x, b0, c40); c41 = Avx512F.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Avx512F.FusedMultiplyAdd(x, b0, c50); c51 = Avx512F.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Avx512F.FusedMultiplyAdd(x, b0, c60); c61 = Avx512F.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Avx512F.FusedMultiplyAdd(x, b0, c70); c71 = Avx512F.FusedMultiplyAdd(x, b1, c71);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 16);
        c10.StoreAligned(tile + 32); c11.StoreAligned(tile + 48);
        c20.StoreAligned(tile + 64); c21.StoreAligned(tile + 80);
        c30.StoreAligned(tile + 96); c31.StoreAligned(tile + 112);
        c40.StoreAligned(tile + 128); c41.StoreAligned(tile + 144);
        c50.StoreAligned(tile + 160); c51.StoreAligned(tile + 176);
        c60.StoreAligned(tile + 192); c61.StoreAligned(tile + 208);
        c70.StoreAligned(tile + 224); c71.StoreAligned(tile + 240);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute12(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default;
        Vector512<float> c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default;
        Vector512<float> c70 = default, c71 = default;
        Vector512<float> c80 = default, c81 = default;
        Vector512<float> c90 = default, c91 = default;
        Vector512<float> ca0 = default, ca1 = default;
        Vector512<float> cb0 = default, cb1 = default;
        if (accumulate)
        {
            c00 = Vector512.LoadAligned(tile + 0); c01 = Vector512.LoadAligned(tile + 16);
            c10 = Vector512.LoadAligned(tile + 32); c11 = Vector512.LoadAligned(tile + 48);
            c20 = Vector512.LoadAligned(tile + 64); c21 = Vector512.LoadAligned(tile + 80);
            c30 = Vector512.LoadAligned(tile + 96); c31 = Vector512.LoadAligned(tile + 112);
            c40 = Vector512.LoadAligned(tile + 128); c41 = Vector512.LoadAligned(tile + 144);
            c50 = Vector512.LoadAligned(tile + 160); c51 = Vector512.LoadAligned(tile + 176);
            c60 = Vector512.LoadAligned(tile + 192); c61 = Vector512.LoadAligned(tile + 208);
            c70 = Vector512.LoadAligned(tile + 224); c71 = Vector512.LoadAligned(tile + 240);
            c80 = Vector512.LoadAligned(tile + 256); c81 = Vector512.LoadAligned(tile + 272);
            c90 = Vector512.LoadAligned(tile + 288); c91 = Vector512.LoadAligned(tile + 304);
            ca0 = Vector512.LoadAligned(tile + 320); ca1 = Vector512.LoadAligned(tile + 336);
            cb0 = Vector512.LoadAligned(tile + 352); cb1 = Vector512.LoadAligned(tile + 368);
        }
        for (float* end = a + (nint)depth * 12; a < end; a += 12, b += 32)
        {
            Vector512<float> b0 = Vector512.LoadAligned(b + 0), b1 = Vector512.LoadAligned(b + 16);
            Vector512<float> x = Vector512.Create(a[0]);
            c00 = Avx512F.FusedMultiplyAdd(x, b0, c00); c01 = Avx512F.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Avx512F.FusedMultiplyAdd(x, b0, c10); c11 = Avx512F.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Avx512F.FusedMultiplyAdd(x, b0, c20); c21 = Avx512F.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Avx512F.FusedMultiplyAdd(x, b0, c30); c31 = Avx512F.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Avx512F.FusedMultiplyAdd(x, b0, c40); c41 = Avx512F.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Avx512F.FusedMultiplyAdd(x, b0, c50); c51 = Avx512F.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Avx512F.FusedMultiplyAdd(x, b0, c60); c61 = Avx512F.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Avx512F.FusedMultiplyAdd(x, b0, c70); c71 = Avx512F.FusedMultiplyAdd(x, b1, c71);
            x = Vector512.Create(a[8]);
            c80 = Avx512F.FusedMultiplyAdd(x, b0, c80); c81 = Avx512F.FusedMultiplyAdd(x, b1, c81);
            x = Vector512.Create(a[9]);
            c90 = Avx512F.FusedMultiplyAdd(x, b0, c90); c91 = Avx512F.FusedMultiplyAdd(x, b1, c91);
            x = Vector512.Create(a[10]);
            ca0 = Avx512F.FusedMultiplyAdd(x, b0, ca0); ca1 = Avx512F.FusedMultiplyAdd(x, b1, ca1);
            x = Vector512.Create(a[11]);
            cb0 = Avx512F.FusedMultiplyAdd(x, b0, cb0); cb1 = Avx512F.FusedMultiplyAdd(x, b1, cb1);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 16);
        c10.StoreAligned(tile + 32); c11.StoreAligned(tile + 48);
        c20.StoreAligned(tile + 64); c21.StoreAligned(tile + 80);
        c30.StoreAligned(tile + 96); c31.StoreAligned(tile + 112);
        c40.StoreAligned(tile + 128); c41.StoreAligned(tile + 144);
        c50.StoreAligned(tile + 160); c51.StoreAligned(tile + 176);
        c60.StoreAligned(tile + 192); c61.StoreAligned(tile + 208);
        c70.StoreAligned(tile + 224); c71.StoreAligned(tile + 240);
        c80.StoreAligned(tile + 256); c81.StoreAligned(tile + 272);
        c90.StoreAligned(tile + 288); c91.StoreAligned(tile + 304);
        ca0.StoreAligned(tile + 320); ca1.StoreAligned(tile + 336);
        cb0.StoreAligned(tile + 352); cb1.StoreAligned(tile + 368);
    }
}
