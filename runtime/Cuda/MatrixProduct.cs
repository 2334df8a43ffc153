using System.Globalization;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// The kind of one matrix product, in row-major terms: result (rows, columns) = op(left)·op(right), plus the result's old content where
/// accumulating, then the epilogue. A key for tables of algorithms.
/// </summary>
/// <param name="Rows">Rows of the result.</param>
/// <param name="Columns">Columns of the result.</param>
/// <param name="Depth">The extent summed over.</param>
/// <param name="LeftTransposed">Left is stored (depth, rows) and not (rows, depth).</param>
/// <param name="RightTransposed">Right is stored (columns, depth) and not (depth, columns).</param>
/// <param name="Input">Type of left, right and bias.</param>
/// <param name="Output">Type of the result: that of the inputs, or fp32.</param>
/// <param name="Accumulate">Whether the result's old content is added.</param>
/// <param name="Epilogue">What happens before storing.</param>
public readonly record struct MatrixProduct(
    long Rows, long Columns, long Depth, bool LeftTransposed, bool RightTransposed, DataType Input, DataType Output, bool Accumulate = false,
    MatrixEpilogue Epilogue = MatrixEpilogue.None)
{
    /// <summary>Multiplications and additions.</summary>
    public long Flops => 2 * Rows * Columns * Depth;

    /// <summary>Each operand moved once.</summary>
    public long Bytes =>
        (((Rows * Depth) + (Depth * Columns)) * Input.SizeInBytes())
        + (Rows * Columns * Output.SizeInBytes() * (Accumulate || Epilogue == MatrixEpilogue.GeluTanhGradient ? 2 : 1));

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"({Rows}, {Depth}){(LeftTransposed ? "ᵀ" : "")}·({Depth}, {Columns}){(RightTransposed ? "ᵀ" : "")} {Input.ShortName()} to {Output.ShortName()}{(Accumulate ? ", accumulated" : "")}, {Epilogue}");
}
