using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>C = alpha·product + beta·C; C is not read where beta is 0, so it may hold anything, NaN included.</summary>
public readonly unsafe struct StoreEpilogue(float* c, long leadingDimension, float alpha = 1, float beta = 0) : IGemmEpilogue
{
    private readonly float* _c = c;
    private readonly long _stride = leadingDimension;
    private readonly float _alpha = alpha;
    private readonly float _beta = beta;

    /// <summary>Asks for the lines of a tile of C ahead of time, where C will be read.</summary>
    internal void Prefetch(int row, int column, int rows, int columns)
    {
        if (_beta == 0 || !Sse.IsSupported)
            return;
        float* line = _c + row * _stride + column;
        for (int i = 0; i < rows; i++, line += _stride)
        {
            for (int j = 0; j < columns; j += 16)
                Sse.Prefetch0(line + j);
            Sse.Prefetch0(line + columns - 1);
        }
    }

    public void Store(in GemmTile tile, int worker)
    {
        float* from = tile.Values;
        float* to = _c + tile.Row * _stride + tile.Column;
        for (int i = 0; i < tile.Rows; i++, from += tile.Stride, to += _stride)
        {
            int j = 0;
            if (Vector512.IsHardwareAccelerated)
            {
                for (; j + 16 <= tile.Columns; j += 16)
                {
                    Vector512<float> value = _alpha * Vector512.Load(from + j);
                    if (_beta != 0)
                        value += _beta * Vector512.Load(to + j);
                    value.Store(to + j);
                }
            }
            for (; j + 4 <= tile.Columns; j += 4)
            {
                Vector128<float> value = _alpha * Vector128.Load(from + j);
                if (_beta != 0)
                    value += _beta * Vector128.Load(to + j);
                value.Store(to + j);
            }
            for (; j < tile.Columns; j++)
                to[j] = _beta == 0 ? _alpha * from[j] : _alpha * from[j] + _beta * to[j];
        }
    }
}
