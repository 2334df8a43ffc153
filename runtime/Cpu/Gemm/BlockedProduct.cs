using System;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>A product cut into blocks of C, one an item: block rows vary fastest, so that a worker mostly finds its block of B packed.</summary>
internal readonly unsafe struct BlockedProduct<TKernel, TA, TB, TEpilogue>(
    int m, int n, int k, TA a, TB b, TEpilogue epilogue, GemmBlocking blocking, GemmScratch[] scratch) : IParallelWork
    where TKernel : struct, IMicroKernel
    where TA : struct, IPanelSource
    where TB : struct, IPanelSource
    where TEpilogue : struct, IGemmEpilogue
{
    private readonly TA _a = a;
    private readonly TB _b = b;
    private readonly TEpilogue _epilogue = epilogue;
    private readonly GemmBlocking _blocking = blocking;

    public void Run(int begin, int end, int worker)
    {
        GemmScratch memory = scratch[worker];
        for (int item = begin; item < end; item++)
        {
            int columnBlock = item / _blocking.RowBlocks, rowBlock = item % _blocking.RowBlocks;
            int firstRow = rowBlock * _blocking.Rows, firstColumn = columnBlock * _blocking.Columns;
            int rows = Math.Min(_blocking.Rows, m - firstRow), columns = Math.Min(_blocking.Columns, n - firstColumn);
            if (memory.PackedColumnBlock != columnBlock)
            {
                PackB(memory.B, firstColumn, columns, firstPass: rowBlock == 0);
                memory.PackedColumnBlock = columnBlock;
            }
            for (int depthBlock = 0; depthBlock < _blocking.DepthBlocks; depthBlock++)
            {
                PackA(memory.A, firstRow, rows, depthBlock, firstPass: columnBlock == 0);
                ComputeBlock(memory, firstRow, rows, firstColumn, columns, depthBlock, worker);
            }
        }
    }

    private int DepthOf(int depthBlock) => Math.Min(_blocking.Depth, k - depthBlock * _blocking.Depth);

    // Elements from one block of depth to the next in the packed B.
    private long BlockStride(int columns) => (long)RoundUp(columns, TKernel.Columns) * _blocking.Depth;

    private void PackA(float* panels, int firstRow, int rows, int depthBlock, bool firstPass)
    {
        int depth = DepthOf(depthBlock);
        for (int i = 0; i < rows; i += TKernel.Rows, panels += (long)depth * TKernel.Rows)
            _a.Pack(firstRow + i, Math.Min(TKernel.Rows, rows - i), TKernel.Rows, depthBlock * _blocking.Depth, depth, firstPass, panels);
    }

    private void PackB(float* block, int firstColumn, int columns, bool firstPass)
    {
        for (int depthBlock = 0; depthBlock < _blocking.DepthBlocks; depthBlock++, block += BlockStride(columns))
        {
            int depth = DepthOf(depthBlock);
            float* panel = block;
            for (int j = 0; j < columns; j += TKernel.Columns, panel += (long)depth * TKernel.Columns)
            {
                _b.Pack(firstColumn + j, Math.Min(TKernel.Columns, columns - j), TKernel.Columns, depthBlock * _blocking.Depth, depth,
                    firstPass, panel);
            }
        }
    }

    private void ComputeBlock(GemmScratch memory, int firstRow, int rows, int firstColumn, int columns, int depthBlock, int worker)
    {
        int depth = DepthOf(depthBlock);
        bool first = depthBlock == 0, last = depthBlock == _blocking.DepthBlocks - 1;
        // With one block of depth every tile is finished at once, and all share one place that stays in the first-level cache.
        int tileElements = TKernel.Rows * TKernel.Columns, tileStep = first && last ? 0 : tileElements;
        float* tile = memory.Tiles;
        float* panelB = memory.B + depthBlock * BlockStride(columns);
        for (int j = 0; j < columns; j += TKernel.Columns, panelB += (long)depth * TKernel.Columns)
        {
            float* panelA = memory.A;
            for (int i = 0; i < rows; i += TKernel.Rows, panelA += (long)depth * TKernel.Rows, tile += tileStep)
            {
                int tileRows = Math.Min(TKernel.Rows, rows - i);
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
