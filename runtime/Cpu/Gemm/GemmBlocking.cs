using System;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// How a product is cut. K goes in blocks that depend on K alone, so that the order of every sum, and with it the bits of the result,
/// does not depend on threads or claims. Rows and columns of the product go in blocks, one claim of a worker each.
/// </summary>
internal readonly struct GemmBlocking
{
    /// <summary>A panel of B of this depth and 32 columns is 32 KiB: it stays in the first-level cache under the panels of A.</summary>
    public const int MaxDepth = 256;

    /// <summary>Rows of a block of A: 240 rows by 256 are 240 KiB, in the second-level cache.</summary>
    public const int MaxRows = 240;

    /// <summary>Columns of a block of B, of which all of K is kept packed where <see cref="MaxBElements"/> allows.</summary>
    public const int MaxColumns = 512;

    /// <summary>Elements of B that a worker keeps packed: 8 MiB.</summary>
    public const int MaxBElements = 2 << 20;

    public readonly int Depth, DepthBlocks, Rows, RowBlocks, Columns, ColumnBlocks;

    public GemmBlocking(int m, int n, int k, int tileRows, int tileColumns, int threads)
    {
        DepthBlocks = Math.Max(1, (k + MaxDepth - 1) / MaxDepth);
        // Even blocks, whole vectors but for the last.
        Depth = RoundUp(Math.Max(1, (k + DepthBlocks - 1) / DepthBlocks), 16);
        int columns = Math.Min(MaxColumns, MaxBElements / (Depth * DepthBlocks) / tileColumns * tileColumns);
        columns = Math.Max(tileColumns, columns);
        Columns = Even(n, columns, tileColumns);
        ColumnBlocks = (n + Columns - 1) / Columns;
        // At least four claims a thread, where the matrix has the rows for it: a thread that lost its core for a while then costs little.
        int wantedRowBlocks = (4 * threads + ColumnBlocks - 1) / ColumnBlocks;
        int rows = Math.Min(MaxRows / tileRows * tileRows, Math.Max(4 * tileRows, m / wantedRowBlocks / tileRows * tileRows));
        Rows = Even(m, rows, tileRows);
        RowBlocks = (m + Rows - 1) / Rows;
    }

    private static int Even(int length, int most, int multiple)
    {
        int blocks = (length + most - 1) / most;
        return Math.Max(multiple, RoundUp((length + blocks - 1) / blocks, multiple));
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
