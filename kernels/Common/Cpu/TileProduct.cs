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
            if (typeof(V) == typeof(Simd512))
            {
                for (; i + 8 <= m; i += 8)
                    RegisterTiles512.Rows8(k, a + (i * aRow), aRow, aStep, b + j, bStep, c + (i * cRow) + j, cRow, accumulate);
            }

            for (; i + 4 <= m; i += 4)
                FourRows(k, a + (i * aRow), aRow, aStep, b + j, bStep, c + (i * cRow) + j, cRow, accumulate);
            for (; i < m; i++)
                OneRow(k, a + (i * aRow), aStep, b + j, bStep, c + (i * cRow) + j, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRows(nint k, float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, bool accumulate)
    {
        if (typeof(V) == typeof(Simd512))
            RegisterTiles512.Rows4(k, a, aRow, aStep, b, bStep, c, cRow, accumulate);
        else if (typeof(V) == typeof(Simd256))
            RegisterTiles256.Rows4(k, a, aRow, aStep, b, bStep, c, cRow, accumulate);
        else
            RegisterTiles128.Rows4(k, a, aRow, aStep, b, bStep, c, cRow, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneRow(nint k, float* a, nint aStep, float* b, nint bStep, float* c, bool accumulate)
    {
        if (typeof(V) == typeof(Simd512))
            RegisterTiles512.Rows1(k, a, aStep, b, bStep, c, accumulate);
        else if (typeof(V) == typeof(Simd256))
            RegisterTiles256.Rows1(k, a, aStep, b, bStep, c, accumulate);
        else
            RegisterTiles128.Rows1(k, a, aStep, b, bStep, c, accumulate);
    }
}
