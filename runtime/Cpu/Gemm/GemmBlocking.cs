using System;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// How a product is cut. K goes in blocks that depend on K alone, so that the order of every sum, and with it the bits of the result,
/// does not depend on threads or claims. The product goes in blocks of whole tiles, as even as tiles allow and a multiple of the
/// threads in number; each is one claim of a worker.
/// </summary>
internal readonly struct GemmBlocking
{
    /// <summary>A panel of B of this depth and 32 columns is 32 KiB: it stays in the first-level cache under the panels of A.</summary>
    public const int MaxDepth = 256;

    /// <summary>Rows of a block of A: 264 rows by 256 are 264 KiB, in the second-level cache.</summary>
    public const int MaxRows = 264;

    /// <summary>Columns of a block of B: 512 by 256 are 512 KiB.</summary>
    public const int MaxColumns = 512;

    /// <summary>Elements of B that a worker may keep packed over several blocks of rows: 8 MiB.</summary>
    public const int MaxBElements = 2 << 20;

    // Below this, waking a thread costs more than it saves.
    private const double MinParallelFlops = 1e6;
    private const int ClaimsPerThread = 4;

    private readonly int _m, _n, _tileRows, _tileColumns;

    public GemmBlocking(int m, int n, int k, int tileRows, int tileColumns, int threads)
    {
        (_m, _n, _tileRows, _tileColumns) = (m, n, tileRows, tileColumns);
        DepthBlocks = Math.Max(1, CeilingDivide(k, MaxDepth));
        // Even blocks, whole vectors but for the last.
        Depth = RoundUp(Math.Max(1, CeilingDivide(k, DepthBlocks)), 16);
        RowBlocks = CeilingDivide(m, MaxRows);
        ColumnBlocks = CeilingDivide(n, MaxColumns);
        if (threads > 1 && 2.0 * m * n * k >= MinParallelFlops)
            (RowBlocks, ColumnBlocks) = Split(m, n, CeilingDivide(m, tileRows), tileRows, tileColumns, threads);
        long keptElements = (long)Depth * DepthBlocks * RoundUp(CeilingDivide(n, ColumnBlocks) + tileColumns, tileColumns);
        KeepsB = RowBlocks > 1 && keptElements <= MaxBElements;
    }

    /// <summary>Length of a block of K; the last may be shorter.</summary>
    public int Depth { get; }

    public int DepthBlocks { get; }

    public int RowBlocks { get; }

    public int ColumnBlocks { get; }

    /// <summary>Whether a worker packs all of K of a block of columns once and keeps it for the next block of rows.</summary>
    public bool KeepsB { get; }

    /// <summary>First row of a block; that of the block past the last is m.</summary>
    public int RowBound(int block) => Bound(_m, _tileRows, block, RowBlocks);

    /// <summary>First column of a block; that of the block past the last is n.</summary>
    public int ColumnBound(int block) => Bound(_n, _tileColumns, block, ColumnBlocks);

    private static (int Rows, int Columns) Split(int m, int n, int rowTiles, int tileRows, int tileColumns, int threads)
    {
        int rows = CeilingDivide(m, MaxRows), columns = CeilingDivide(n, MaxColumns);
        // With one block of rows, threads share no column: nothing of B is packed twice, and A, which is small, is.
        if (rows == 1 && n >= 2 * tileColumns * threads)
        {
            int claims = Math.Clamp(n / (4 * tileColumns), 1, ClaimsPerThread * threads);
            return (1, RoundUp(Math.Max(columns, claims), threads));
        }
        int wanted = CeilingDivide(ClaimsPerThread * threads, columns);
        rows = Math.Max(rows, Math.Min(wanted, Math.Max(1, rowTiles / 4)));
        while (rows < rowTiles && (long)rows * columns % threads != 0)
            rows++;
        return (rows, columns);
    }

    private static int Bound(int length, int tile, int block, int blocks) =>
        (int)Math.Min(length, (long)CeilingDivide(length, tile) * block / blocks * tile);

    private static int CeilingDivide(int value, int by) => (int)(((long)value + by - 1) / by);

    private static int RoundUp(int value, int multiple) => CeilingDivide(value, multiple) * multiple;
}
