using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// 6 × 16 in 12 of the 16 registers of 256 bits, 2 for B and 1 for the broadcast of A. The variants of 2 and 4 rows serve the last panel.
/// </summary>
internal readonly unsafe struct MicroKernelAvx2 : IMicroKernel
{
    public static int Rows => 6;

    public static int Columns => 16;

    public static void Compute(int rows, int depth, float* a, float* b, float* tile, bool accumulate)
    {
        if (rows <= 2)
            Compute2(depth, a, b, tile, accumulate);
        else if (rows <= 4)
            Compute4(depth, a, b, tile, accumulate);
        else
            Compute6(depth, a, b, tile, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute2(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector256<float> c00 = default, c01 = default;
        Vector256<float> c10 = default, c11 = default;
        if (accumulate)
        {
            c00 = Vector256.LoadAligned(tile + 0); c01 = Vector256.LoadAligned(tile + 8);
            c10 = Vector256.LoadAligned(tile + 16); c11 = Vector256.LoadAligned(tile + 24);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 16)
        {
            Vector256<float> b0 = Vector256.LoadAligned(b + 0), b1 = Vector256.LoadAligned(b + 8);
            Vector256<float> x = Vector256.Create(a[0]);
            c00 = Fma.MultiplyAdd(x, b0, c00); c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Fma.MultiplyAdd(x, b0, c10); c11 = Fma.MultiplyAdd(x, b1, c11);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 8);
        c10.StoreAligned(tile + 16); c11.StoreAligned(tile + 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute4(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector256<float> c00 = default, c01 = default;
        Vector256<float> c10 = default, c11 = default;
        Vector256<float> c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default;
        if (accumulate)
        {
            c00 = Vector256.LoadAligned(tile + 0); c01 = Vector256.LoadAligned(tile + 8);
            c10 = Vector256.LoadAligned(tile + 16); c11 = Vector256.LoadAligned(tile + 24);
            c20 = Vector256.LoadAligned(tile + 32); c21 = Vector256.LoadAligned(tile + 40);
            c30 = Vector256.LoadAligned(tile + 48); c31 = Vector256.LoadAligned(tile + 56);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 16)
        {
            Vector256<float> b0 = Vector256.LoadAligned(b + 0), b1 = Vector256.LoadAligned(b + 8);
            Vector256<float> x = Vector256.Create(a[0]);
            c00 = Fma.MultiplyAdd(x, b0, c00); c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Fma.MultiplyAdd(x, b0, c10); c11 = Fma.MultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Fma.MultiplyAdd(x, b0, c20); c21 = Fma.MultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Fma.MultiplyAdd(x, b0, c30); c31 = Fma.MultiplyAdd(x, b1, c31);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 8);
        c10.StoreAligned(tile + 16); c11.StoreAligned(tile + 24);
        c20.StoreAligned(tile + 32); c21.StoreAligned(tile + 40);
        c30.StoreAligned(tile + 48); c31.StoreAligned(tile + 56);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute6(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector256<float> c00 = default, c01 = default;
        Vector256<float> c10 = default, c11 = default;
        Vector256<float> c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default;
        Vector256<float> c40 = default, c41 = default;
        Vector256<float> c50 = default, c51 = default;
        if (accumulate)
        {
            c00 = Vector256.LoadAligned(tile + 0); c01 = Vector256.LoadAligned(tile + 8);
            c10 = Vector256.LoadAligned(tile + 16); c11 = Vector256.LoadAligned(tile + 24);
            c20 = Vector256.LoadAligned(tile + 32); c21 = Vector256.LoadAligned(tile + 40);
            c30 = Vector256.LoadAligned(tile + 48); c31 = Vector256.LoadAligned(tile + 56);
            c40 = Vector256.LoadAligned(tile + 64); c41 = Vector256.LoadAligned(tile + 72);
            c50 = Vector256.LoadAligned(tile + 80); c51 = Vector256.LoadAligned(tile + 88);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 16)
        {
            Vector256<float> b0 = Vector256.LoadAligned(b + 0), b1 = Vector256.LoadAligned(b + 8);
            Vector256<float> x = Vector256.Create(a[0]);
            c00 = Fma.MultiplyAdd(x, b0, c00); c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Fma.MultiplyAdd(x, b0, c10); c11 = Fma.MultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Fma.MultiplyAdd(x, b0, c20); c21 = Fma.MultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Fma.MultiplyAdd(x, b0, c30); c31 = Fma.MultiplyAdd(x, b1, c31);
            x = Vector256.Create(a[4]);
            c40 = Fma.MultiplyAdd(x, b0, c40); c41 = Fma.MultiplyAdd(x, b1, c41);
            x = Vector256.Create(a[5]);
            c50 = Fma.MultiplyAdd(x, b0, c50); c51 = Fma.MultiplyAdd(x, b1, c51);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 8);
        c10.StoreAligned(tile + 16); c11.StoreAligned(tile + 24);
        c20.StoreAligned(tile + 32); c21.StoreAligned(tile + 40);
        c30.StoreAligned(tile + 48); c31.StoreAligned(tile + 56);
        c40.StoreAligned(tile + 64); c41.StoreAligned(tile + 72);
        c50.StoreAligned(tile + 80); c51.StoreAligned(tile + 88);
    }
}
