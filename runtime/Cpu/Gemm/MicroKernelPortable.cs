using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// 6 × 8 in 12 registers of 128 bits, which both x64 (16) and ARM64 (32) have. Fused on ARM64 and on x64 with FMA, else multiply and add.
/// </summary>
internal readonly unsafe struct MicroKernelPortable : IMicroKernel
{
    public static int Rows => 6;

    public static int Columns => 8;

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
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        if (accumulate)
        {
            c00 = Vector128.LoadAligned(tile + 0); c01 = Vector128.LoadAligned(tile + 4);
            c10 = Vector128.LoadAligned(tile + 8); c11 = Vector128.LoadAligned(tile + 12);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 8)
        {
            Vector128<float> b0 = Vector128.LoadAligned(b + 0), b1 = Vector128.LoadAligned(b + 4);
            Vector128<float> x = Vector128.Create(a[0]);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00); c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a[1]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10); c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 4);
        c10.StoreAligned(tile + 8); c11.StoreAligned(tile + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute4(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        Vector128<float> c20 = default, c21 = default;
        Vector128<float> c30 = default, c31 = default;
        if (accumulate)
        {
            c00 = Vector128.LoadAligned(tile + 0); c01 = Vector128.LoadAligned(tile + 4);
            c10 = Vector128.LoadAligned(tile + 8); c11 = Vector128.LoadAligned(tile + 12);
            c20 = Vector128.LoadAligned(tile + 16); c21 = Vector128.LoadAligned(tile + 20);
            c30 = Vector128.LoadAligned(tile + 24); c31 = Vector128.LoadAligned(tile + 28);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 8)
        {
            Vector128<float> b0 = Vector128.LoadAligned(b + 0), b1 = Vector128.LoadAligned(b + 4);
            Vector128<float> x = Vector128.Create(a[0]);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00); c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a[1]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10); c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
            x = Vector128.Create(a[2]);
            c20 = Vector128.MultiplyAddEstimate(x, b0, c20); c21 = Vector128.MultiplyAddEstimate(x, b1, c21);
            x = Vector128.Create(a[3]);
            c30 = Vector128.MultiplyAddEstimate(x, b0, c30); c31 = Vector128.MultiplyAddEstimate(x, b1, c31);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 4);
        c10.StoreAligned(tile + 8); c11.StoreAligned(tile + 12);
        c20.StoreAligned(tile + 16); c21.StoreAligned(tile + 20);
        c30.StoreAligned(tile + 24); c31.StoreAligned(tile + 28);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compute6(int depth, float* a, float* b, float* tile, bool accumulate)
    {
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        Vector128<float> c20 = default, c21 = default;
        Vector128<float> c30 = default, c31 = default;
        Vector128<float> c40 = default, c41 = default;
        Vector128<float> c50 = default, c51 = default;
        if (accumulate)
        {
            c00 = Vector128.LoadAligned(tile + 0); c01 = Vector128.LoadAligned(tile + 4);
            c10 = Vector128.LoadAligned(tile + 8); c11 = Vector128.LoadAligned(tile + 12);
            c20 = Vector128.LoadAligned(tile + 16); c21 = Vector128.LoadAligned(tile + 20);
            c30 = Vector128.LoadAligned(tile + 24); c31 = Vector128.LoadAligned(tile + 28);
            c40 = Vector128.LoadAligned(tile + 32); c41 = Vector128.LoadAligned(tile + 36);
            c50 = Vector128.LoadAligned(tile + 40); c51 = Vector128.LoadAligned(tile + 44);
        }
        for (float* end = a + (nint)depth * 6; a < end; a += 6, b += 8)
        {
            Vector128<float> b0 = Vector128.LoadAligned(b + 0), b1 = Vector128.LoadAligned(b + 4);
            Vector128<float> x = Vector128.Create(a[0]);
            c00 = Vector128.MultiplyAddEstimate(x, b0, c00); c01 = Vector128.MultiplyAddEstimate(x, b1, c01);
            x = Vector128.Create(a[1]);
            c10 = Vector128.MultiplyAddEstimate(x, b0, c10); c11 = Vector128.MultiplyAddEstimate(x, b1, c11);
            x = Vector128.Create(a[2]);
            c20 = Vector128.MultiplyAddEstimate(x, b0, c20); c21 = Vector128.MultiplyAddEstimate(x, b1, c21);
            x = Vector128.Create(a[3]);
            c30 = Vector128.MultiplyAddEstimate(x, b0, c30); c31 = Vector128.MultiplyAddEstimate(x, b1, c31);
            x = Vector128.Create(a[4]);
            c40 = Vector128.MultiplyAddEstimate(x, b0, c40); c41 = Vector128.MultiplyAddEstimate(x, b1, c41);
            x = Vector128.Create(a[5]);
            c50 = Vector128.MultiplyAddEstimate(x, b0, c50); c51 = Vector128.MultiplyAddEstimate(x, b1, c51);
        }
        c00.StoreAligned(tile + 0); c01.StoreAligned(tile + 4);
        c10.StoreAligned(tile + 8); c11.StoreAligned(tile + 12);
        c20.StoreAligned(tile + 16); c21.StoreAligned(tile + 20);
        c30.StoreAligned(tile + 24); c31.StoreAligned(tile + 28);
        c40.StoreAligned(tile + 32); c41.StoreAligned(tile + 36);
        c50.StoreAligned(tile + 40); c51.StoreAligned(tile + 44);
    }
}
