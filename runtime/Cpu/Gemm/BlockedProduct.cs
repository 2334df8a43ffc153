using System;
using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>A product cut into blocks of C, one an item: block rows vary fastest, so that a worker mostly finds its block of B packed.</summary>
internal readonly unsafe struct BlockedProduct<TKernel, TA, TB, TEpilogue>(
    int k, TA a, TB b, TEpilogue epilogue, GemmBlocking blocking, GemmScratch[] scratch) : IParallelWork
    where TKernel : struct, IMicroKernel
    where TA : struct, IPanelSource
    where TB : struct, IPanelSource
    where TEpilogue : struct, IGemmEpilogue
{
    private readonly TA _a = a;
    private readonly TB _b = b;
    private readonly TEpilogue _epilogue = epilogue;
    private readonly GemmBlocking _blocking = blocking;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int begin, int end, int worker)
    {
        GemmScratch memory = scratch[worker];
        for (int item = begin; item < end; item++)
        {
            int columnBlock = item / _blocking.RowBlocks, rowBlock = item % _blocking.RowBlocks;
            int firstRow = _blocking.RowBound(rowBlock), firstColumn = _blocking.ColumnBound(columnBlock);
            int rows = _blocking.RowBound(rowBlock + 1) - firstRow, columns = _blocking.ColumnBound(columnBlock + 1) - firstColumn;
            // Uneven bounds may leave a block empty where there are fewer tiles than blocks.
            if (rows > 0 && columns > 0)
                Compute(memory, rowBlock, firstRow, rows, columnBlock, firstColumn, columns, worker);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compute(GemmScratch memory, int rowBlock, int firstRow, int rows, int columnBlock, int firstColumn, int columns, int worker)
    {
        bool packed = _blocking.KeepsB && memory.PackedColumnBlock == columnBlock;
        memory.PackedColumnBlock = columnBlock;
        long blockStride = _blocking.KeepsB ? (long)RoundUp(columns, TKernel.Columns) * _blocking.Depth : 0;
        for (int depthBlock = 0; depthBlock < _blocking.DepthBlocks; depthBlock++)
        {
            float* blockB = memory.B + depthBlock * blockStride;
            if (!packed)
                PackB(blockB, firstColumn, columns, depthBlock, firstPass: rowBlock == 0);
            PackA(memory.A, firstRow, rows, depthBlock, firstPass: columnBlock == 0);
            ComputeBlock(memory, blockB, firstRow, rows, firstColumn, columns, depthBlock, worker);
        }
    }

    private int DepthOf(int depthBlock) => Math.Min(_blocking.Depth, k - depthBlock * _blocking.Depth);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackA(float* panels, int firstRow, int rows, int depthBlock, bool firstPass)
    {
        int depth = DepthOf(depthBlock);
        for (int i = 0; i < rows; i += TKernel.Rows, panels += (long)depth * TKernel.Rows)
            _a.Pack(firstRow + i, Math.Min(TKernel.Rows, rows - i), TKernel.Rows, depthBlock * _blocking.Depth, depth, firstPass, panels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackB(float* panels, int firstColumn, int columns, int depthBlock, bool firstPass)
    {
        int depth = DepthOf(depthBlock);
        for (int j = 0; j < columns; j += TKernel.Columns, panels += (long)depth * TKernel.Columns)
        {
            _b.Pack(firstColumn + j, Math.Min(TKernel.Columns, columns - j), TKernel.Columns, depthBlock * _blocking.Depth, depth,
                firstPass, panels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBlock(GemmScratch memory, float* panelB, int firstRow, int rows, int firstColumn, int columns, int depthBlock,
        int worker)
    {
        int depth = DepthOf(depthBlock);
        bool first = depthBlock == 0, last = depthBlock == _blocking.DepthBlocks - 1;
        // With one block of depth every tile is finished at once, and all share one place that stays in the first-level cache.
        int tileElements = TKernel.Rows * TKernel.Columns, tileStep = first && last ? 0 : tileElements;
        float* tile = memory.Tiles;
        for (int j = 0; j < columns; j += TKernel.Columns, panelB += (long)depth * TKernel.Columns)
        {
            float* panelA = memory.A;
            for (int i = 0; i < rows; i += TKernel.Rows, panelA += (long)depth * TKernel.Rows, tile += tileStep)
            {
                int tileRows = Math.Min(TKernel.Rows, rows - i);
                // The products that add to C find it in memory where C is large: asked for now, it arrives during the tile's sum.
                if (last && typeof(TEpilogue) == typeof(StoreEpilogue))
                {
                    Unsafe.BitCast<TEpilogue, StoreEpilogue>(_epilogue).Prefetch(firstRow + i, firstColumn + j, tileRows,
                        Math.Min(TKernel.Columns, columns - j));
                }
                if (depth > 0)
                    TKernel.Compute(tileRows, depth, panelA, panelB, tile, !first);
                else
                    new Span<float>(tile, tileElements).Clear();
                if (last)
                {
                    _epilogue.Store(new GemmTile(tile, TKernel.Columns, firstRow + i, firstColumn + j, tileRows,
                        Math.Min(TKernel.Columns, columns - j)), worker);
                }
            }
        }
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
