namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// A finished piece of op(A)·op(B), hot in the first-level cache: element (i, j) of it, at <c>Values[i·Stride + j]</c>, is element
/// (Row + i, Column + j) of the product. An epilogue may overwrite the values. Rows past <c>Rows</c> hold anything; columns past
/// <c>Columns</c> up to a whole vector may be read, and hold anything.
/// </summary>
public readonly unsafe struct GemmTile(float* values, int stride, int row, int column, int rows, int columns)
{
    /// <summary>The values, 64-byte aligned; so is every row.</summary>
    public readonly float* Values = values;

    /// <summary>Elements from one row of the tile to the next.</summary>
    public readonly int Stride = stride;

    /// <summary>Row of the product that the tile's first row is.</summary>
    public readonly int Row = row;

    /// <summary>Column of the product that the tile's first column is.</summary>
    public readonly int Column = column;

    /// <summary>Rows that exist.</summary>
    public readonly int Rows = rows;

    /// <summary>Columns that exist.</summary>
    public readonly int Columns = columns;
}
