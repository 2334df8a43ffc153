using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Linear;

/// <summary>Matrix products by our own kernel on the plain units: always there, right for every size, and far from tensor cores' speed.</summary>
public sealed class KernelMatrixProducts(KernelQueue queue) : MatrixProducts
{
    private const int BlockThreads = 256;
    private const int Tile = 64;

    private readonly Dictionary<Kind, LaunchableKernel> _kernels = [];

    public override string Name => "our own kernel";

    public override long WorkspaceBytes => 0;

    /// <summary>The kernel for types and orientations.</summary>
    public static KernelInstance Instance(DataType input, DataType output, bool leftTransposed, bool rightTransposed, bool gelu) => new(
        "Linear/linear.cu",
        $"matrix_product<{input.DeviceName()}, {output.DeviceName()}, {leftTransposed.DeviceName()}, {rightTransposed.DeviceName()}, {gelu.DeviceName()}>",
        BlockThreads);

    public override bool Supports(in MatrixProduct product) => product.Epilogue is MatrixEpilogue.None or MatrixEpilogue.Bias or MatrixEpilogue.GeluTanh;

    public override bool Prefers(in MatrixProduct fused, in MatrixProduct plain, Func<double> restMs) => Supports(fused);

    public override void Multiply(in MatrixProduct product, in MatrixOperands operands, DevicePointer workspace)
    {
        var kind = new Kind(
            product.Input, product.Output, product.LeftTransposed, product.RightTransposed, product.Epilogue == MatrixEpilogue.GeluTanh);
        if (!_kernels.TryGetValue(kind, out LaunchableKernel? kernel))
        {
            kernel = queue.Load(Instance(kind.Input, kind.Output, kind.LeftTransposed, kind.RightTransposed, kind.Gelu));
            _kernels.Add(kind, kernel);
        }

        kernel.Launch(
            DeviceTypes.CeilingDivide(product.Columns, Tile),
            checked((int)DeviceTypes.CeilingDivide(product.Rows, Tile)),
            operands.Left,
            operands.Right,
            operands.Result,
            product.Epilogue == MatrixEpilogue.None ? default : operands.Bias,
            operands.Sum,
            product.Rows,
            product.Columns,
            product.Depth,
            product.Accumulate);
    }

    protected override void Dispose(bool disposing)
    {
        // The queue unloads what it has loaded.
    }

    private readonly record struct Kind(DataType Input, DataType Output, bool LeftTransposed, bool RightTransposed, bool Gelu);
}
