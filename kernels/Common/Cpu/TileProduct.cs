using System.Runtime.CompilerServices;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>
/// Products of small matrices on the calling thread, operands read where they lie: C (+)= A·B with A at any two strides and the rows of B
/// and C contiguous. Meant for operands that sit in the first two cache levels. An element's sum runs over k in ascending order, in one
/// chain, so that it does not depend on where in a tile the element is.
/// </summary>
internal static unsafe class TileProduct<V>
    where V : unmanaged, ISimd<V>
{
    /// <summary>Columns of a register tile: give B and C this multiple of columns, padded, for full speed.</summary>
    public static int ColumnMultiple
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * V.Count;
    }

    /// <summary>
    /// C[i, j] = (accumulate ? C[i, j] : 0) + Σ_k A[i, k]·B[k, j] for i &lt; m, j &lt; n: A[i, k] at a[i·aRow + k·aStep],
    /// B[k, j] at b[k·bStep + j], C[i, j] at c[i·cRow + j]. n is a multiple of <see cref="ColumnMultiple"/>, k at least 1.
    /// </summary>
    public static void Multiply(int m, int n, int k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        for (int j = 0; j < n; j += 2 * V.Count)
        {
            int i = 0;
            if (V.HasManyRegisters)
            {
                for (; i + 8 <= m; i += 8)
                    Tile8x2(k, a + i * aRow, aRow, aStep, b + j, bStep, c + i * cRow + j, cRow, accumulate);
            }

            for (; i + 4 <= m; i += 4)
                Tile4x2(k, a + i * aRow, aRow, aStep, b + j, bStep, c + i * cRow + j, cRow, accumulate);
            for (; i < m; i++)
                Tile1x2(k, a + i * aRow, aStep, b + j, bStep, c + i * cRow + j, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(V first, V second, float* c, bool accumulate)
    {
        if (accumulate)
        {
            first += V.Load(c);
            second += V.Load(c + V.Count);
        }

        first.Store(c);
        second.Store(c + V.Count);
    }

    // 8 rows by 2 vectors.
    private static void Tile8x2(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a;
        float* a1 = a0 + aRow;
        float* a2 = a1 + aRow;
        float* a3 = a2 + aRow;
        float* a4 = a3 + aRow;
        float* a5 = a4 + aRow;
        float* a6 = a5 + aRow;
        float* a7 = a6 + aRow;
        V c00 = V.Zero, c01 = V.Zero;
        V c10 = V.Zero, c11 = V.Zero;
        V c20 = V.Zero, c21 = V.Zero;
        V c30 = V.Zero, c31 = V.Zero;
        V c40 = V.Zero, c41 = V.Zero;
        V c50 = V.Zero, c51 = V.Zero;
        V c60 = V.Zero, c61 = V.Zero;
        V c70 = V.Zero, c71 = V.Zero;
        nint at = 0;
        do
        {
            V b0 = V.Load(b), b1 = V.Load(b + 1 * V.Count);
            V x0 = V.Create(a0[at]);
            c00 = V.MultiplyAdd(x0, b0, c00); c01 = V.MultiplyAdd(x0, b1, c01);
            V x1 = V.Create(a1[at]);
            c10 = V.MultiplyAdd(x1, b0, c10); c11 = V.MultiplyAdd(x1, b1, c11);
            V x2 = V.Create(a2[at]);
            c20 = V.MultiplyAdd(x2, b0, c20); c21 = V.MultiplyAdd(x2, b1, c21);
            V x3 = V.Create(a3[at]);
            c30 = V.MultiplyAdd(x3, b0, c30); c31 = V.MultiplyAdd(x3, b1, c31);
            V x4 = V.Create(a4[at]);
            c40 = V.MultiplyAdd(x4, b0, c40); c41 = V.MultiplyAdd(x4, b1, c41);
            V x5 = V.Create(a5[at]);
            c50 = V.MultiplyAdd(x5, b0, c50); c51 = V.MultiplyAdd(x5, b1, c51);
            V x6 = V.Create(a6[at]);
            c60 = V.MultiplyAdd(x6, b0, c60); c61 = V.MultiplyAdd(x6, b1, c61);
            V x7 = V.Create(a7[at]);
            c70 = V.MultiplyAdd(x7, b0, c70); c71 = V.MultiplyAdd(x7, b1, c71);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);
        Put(c00, c01, c, accumulate);
        Put(c10, c11, c + cRow, accumulate);
        Put(c20, c21, c + 2 * cRow, accumulate);
        Put(c30, c31, c + 3 * cRow, accumulate);
        Put(c40, c41, c + 4 * cRow, accumulate);
        Put(c50, c51, c + 5 * cRow, accumulate);
        Put(c60, c61, c + 6 * cRow, accumulate);
        Put(c70, c71, c + 7 * cRow, accumulate);
    }

    // 4 rows by 2 vectors.
    private static void Tile4x2(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        float* a0 = a;
        float* a1 = a0 + aRow;
        float* a2 = a1 + aRow;
        float* a3 = a2 + aRow;
        V c00 = V.Zero, c01 = V.Zero;
        V c10 = V.Zero, c11 = V.Zero;
        V c20 = V.Zero, c21 = V.Zero;
        V c30 = V.Zero, c31 = V.Zero;
        nint at = 0;
        do
        {
            V b0 = V.Load(b), b1 = V.Load(b + 1 * V.Count);
            V x0 = V.Create(a0[at]);
            c00 = V.MultiplyAdd(x0, b0, c00); c01 = V.MultiplyAdd(x0, b1, c01);
            V x1 = V.Create(a1[at]);
            c10 = V.MultiplyAdd(x1, b0, c10); c11 = V.MultiplyAdd(x1, b1, c11);
            V x2 = V.Create(a2[at]);
            c20 = V.MultiplyAdd(x2, b0, c20); c21 = V.MultiplyAdd(x2, b1, c21);
            V x3 = V.Create(a3[at]);
            c30 = V.MultiplyAdd(x3, b0, c30); c31 = V.MultiplyAdd(x3, b1, c31);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);
        Put(c00, c01, c, accumulate);
        Put(c10, c11, c + cRow, accumulate);
        Put(c20, c21, c + 2 * cRow, accumulate);
        Put(c30, c31, c + 3 * cRow, accumulate);
    }

    // 1 row by 2 vectors.
    private static void Tile1x2(nint k, float* a, nint aStep, float* b, nint bStep, float* c, bool accumulate)
    {
        V c00 = V.Zero, c01 = V.Zero;
        nint at = 0;
        do
        {
            V b0 = V.Load(b), b1 = V.Load(b + 1 * V.Count);
            V x0 = V.Create(a[at]);
            c00 = V.MultiplyAdd(x0, b0, c00); c01 = V.MultiplyAdd(x0, b1, c01);
            at += aStep;
            b += bStep;
        }
        while (--k > 0);
        Put(c00, c01, c, accumulate);
    }
}
