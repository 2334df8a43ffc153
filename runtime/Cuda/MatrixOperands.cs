namespace GptEngine.Runtime.Cuda;

/// <summary>Where the operands of a <see cref="MatrixProduct"/> are; all row-major without gaps.</summary>
/// <param name="Left">(rows, depth), or (depth, rows) where transposed.</param>
/// <param name="Right">(depth, columns), or (columns, depth) where transposed.</param>
/// <param name="Result">(rows, columns).</param>
/// <param name="Bias">(columns), or null; with <see cref="MatrixEpilogue.BiasGradient"/> (rows) of the result's type, which is written.</param>
/// <param name="Sum">(rows, columns) of the result's type: where an activation's argument is kept, or read from; null to drop it.</param>
public readonly record struct MatrixOperands(
    DevicePointer Left, DevicePointer Right, DevicePointer Result, DevicePointer Bias = default, DevicePointer Sum = default);
