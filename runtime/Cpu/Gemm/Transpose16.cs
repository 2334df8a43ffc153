using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>Transposes up to 16 lines, 16 elements at a time, in registers of 512 bits. Each cache line of the source is read once, so
/// that lines a power of two apart, which share a few sets of the cache, do not push each other out.</summary>
internal static unsafe class Transpose16
{
    /// <summary>panel[k·panelWidth + i] = source[i·stride + k] for k &lt; depth, i &lt; lines, and 0 for lines ≤ i &lt; 16 as far as the
    /// panel is that wide. Rows of a panel narrower than 16 are written 16 wide, in ascending order, each over the excess of the one
    /// before: up to 15 elements past the panel's end are written.</summary>
    /// <param name="source">First element of the first line.</param>
    /// <param name="stride">Elements from line to line.</param>
    /// <param name="lines">Lines that exist, 1 … 16.</param>
    /// <param name="depth">Elements a line.</param>
    /// <param name="panel">Destination.</param>
    /// <param name="panelWidth">Elements between rows of the panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* source, long stride, int lines, int depth, float* panel, int panelWidth)
    {
        int k = 0;
        for (; k + 16 <= depth; k += 16)
            Block(source + k, stride, lines, panel + (long)k * panelWidth, panelWidth);
        for (; k < depth; k++)
        {
            float* row = panel + (long)k * panelWidth;
            int i = 0;
            for (; i < lines; i++)
                row[i] = source[i * stride + k];
            for (; i < panelWidth && i < 16; i++)
                row[i] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block(float* s, long stride, int lines, float* panel, int width)
    {
        Vector512<float> zero = default;
        Vector512<float> r0 = Vector512.Load(s);
        Vector512<float> r1 = lines > 1 ? Vector512.Load(s + 1 * stride) : zero;
        Vector512<float> r2 = lines > 2 ? Vector512.Load(s + 2 * stride) : zero;
        Vector512<float> r3 = lines > 3 ? Vector512.Load(s + 3 * stride) : zero;
        Vector512<float> r4 = lines > 4 ? Vector512.Load(s + 4 * stride) : zero;
        Vector512<float> r5 = lines > 5 ? Vector512.Load(s + 5 * stride) : zero;
        Vector512<float> r6 = lines > 6 ? Vector512.Load(s + 6 * stride) : zero;
        Vector512<float> r7 = lines > 7 ? Vector512.Load(s + 7 * stride) : zero;
        Vector512<float> r8 = lines > 8 ? Vector512.Load(s + 8 * stride) : zero;
        Vector512<float> r9 = lines > 9 ? Vector512.Load(s + 9 * stride) : zero;
        Vector512<float> ra = lines > 10 ? Vector512.Load(s + 10 * stride) : zero;
        Vector512<float> rb = lines > 11 ? Vector512.Load(s + 11 * stride) : zero;
        Vector512<float> rc = lines > 12 ? Vector512.Load(s + 12 * stride) : zero;
        Vector512<float> rd = lines > 13 ? Vector512.Load(s + 13 * stride) : zero;
        Vector512<float> re = lines > 14 ? Vector512.Load(s + 14 * stride) : zero;
        Vector512<float> rf = lines > 15 ? Vector512.Load(s + 15 * stride) : zero;
        // The 4 × 4 blocks of whole lanes are transposed first: then lane g of every register is of lines 4g … 4g + 3.
        TransposeLanes(ref r0, ref r4, ref r8, ref rc);
        TransposeLanes(ref r1, ref r5, ref r9, ref rd);
        TransposeLanes(ref r2, ref r6, ref ra, ref re);
        TransposeLanes(ref r3, ref r7, ref rb, ref rf);
        // Now r[4q + j] holds elements 4q … 4q + 3 of the lines j, 4 + j, 8 + j, 12 + j.
        StoreFourRows(r0, r1, r2, r3, panel + 0 * (nint)width, width);
        StoreFourRows(r4, r5, r6, r7, panel + 4 * (nint)width, width);
        StoreFourRows(r8, r9, ra, rb, panel + 8 * (nint)width, width);
        StoreFourRows(rc, rd, re, rf, panel + 12 * (nint)width, width);
    }

    // (a, b, c, d) with lanes 0 … 3 each become (lanes 0), (lanes 1), (lanes 2), (lanes 3).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeLanes(ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c, ref Vector512<float> d)
    {
        Vector512<float> abLow = Avx512F.Shuffle4x128(a, b, 0b01_00_01_00), abHigh = Avx512F.Shuffle4x128(a, b, 0b11_10_11_10);
        Vector512<float> cdLow = Avx512F.Shuffle4x128(c, d, 0b01_00_01_00), cdHigh = Avx512F.Shuffle4x128(c, d, 0b11_10_11_10);
        a = Avx512F.Shuffle4x128(abLow, cdLow, 0b10_00_10_00);
        b = Avx512F.Shuffle4x128(abLow, cdLow, 0b11_01_11_01);
        c = Avx512F.Shuffle4x128(abHigh, cdHigh, 0b10_00_10_00);
        d = Avx512F.Shuffle4x128(abHigh, cdHigh, 0b11_01_11_01);
    }

    // Transposes the 4 × 4 elements within each lane and stores the four rows in ascending order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFourRows(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to, int width)
    {
        Vector512<double> ab0 = Avx512F.UnpackLow(a, b).AsDouble(), ab1 = Avx512F.UnpackHigh(a, b).AsDouble();
        Vector512<double> cd0 = Avx512F.UnpackLow(c, d).AsDouble(), cd1 = Avx512F.UnpackHigh(c, d).AsDouble();
        Avx512F.UnpackLow(ab0, cd0).AsSingle().Store(to);
        Avx512F.UnpackHigh(ab0, cd0).AsSingle().Store(to + width);
        Avx512F.UnpackLow(ab1, cd1).AsSingle().Store(to + 2 * (nint)width);
        Avx512F.UnpackHigh(ab1, cd1).AsSingle().Store(to + 3 * (nint)width);
    }
}
