using System.Collections.Generic;
using GptEngine.Kernels.Cast;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Samples;

/// <summary>Our own matrix products in each orientation that a linear layer asks for, bias gradients, casts and the draw of a token.</summary>
internal static class LinearSamples
{
    // No size is a multiple of a tile.
    private const int Rows = 97;
    private const int Inputs = 70;
    private const int Outputs = 130;

    // Whole packs, and no multiple of a warp's.
    private const int PackedOutputs = 264;

    internal static IEnumerable<KernelSample> OfType(DataType type)
    {
        // Forward: x·Wᵀ, plain, with a bias and through GELU; ∂x = ∂y·W; ∂W += ∂yᵀ·x in fp32.
        yield return Product(type, new MatrixProduct(Rows, Outputs, Inputs, false, true, type, type, Epilogue: MatrixEpilogue.Bias));
        yield return Product(type, new MatrixProduct(Rows, Outputs, Inputs, false, true, type, type, Epilogue: MatrixEpilogue.GeluTanh));
        yield return Product(type, new MatrixProduct(Rows, Inputs, Outputs, false, false, type, type));
        yield return Product(type, new MatrixProduct(Outputs, Inputs, Rows, true, false, type, DataType.Float32, Accumulate: true));
        yield return BiasGradient(type, Outputs);
        yield return BiasGradient(type, PackedOutputs);
        yield return Sample(type);
        if (type != DataType.Float32)
        {
            yield return Cast(type);
        }
    }

    private static KernelSample Product(DataType type, MatrixProduct product) => new(
        "matrix product", type, product.ToString(), new KernelCost(product.Bytes, product.Flops), bench =>
        {
            MatrixOperands operands = new(
                PointerTo(bench.Normal("left", type, [product.Rows * product.Depth])),
                PointerTo(bench.Normal("right", type, [product.Depth * product.Columns])),
                PointerTo(product.Accumulate
                    ? bench.Normal("result", product.Output, [product.Rows * product.Columns])
                    : bench.Unwritten("result", product.Output, product.Rows * product.Columns)),
                product.Epilogue == MatrixEpilogue.None ? default : PointerTo(bench.Normal("bias", type, [product.Columns])),
                product.Epilogue == MatrixEpilogue.GeluTanh ? PointerTo(bench.Unwritten("sum", product.Output, product.Rows * product.Columns)) : default);
            new KernelMatrixProducts(bench.Queue).Multiply(product, operands, default);
        });

    private static KernelSample BiasGradient(DataType type, int outputs) => new(
        "bias gradient", type, $"N={Rows} C={outputs}", BiasGradientLauncher.Cost(type, Rows, outputs), bench =>
            new BiasGradientLauncher(bench.Queue, type).Launch(
                PointerTo(bench.Normal("gradY", type, [Rows, outputs])),
                Rows,
                outputs,
                PointerTo(bench.Unwritten("gradBias", DataType.Float32, outputs)),
                accumulate: false,
                PointerTo(bench.Workspace(BiasGradientLauncher.WorkspaceBytes(Rows, outputs)))));

    private static KernelSample Sample(DataType type) => new(
        "sampling", type, "B=2 V=300", SamplingLauncher.Cost(type, 2, 300), bench =>
            new SamplingLauncher(bench.Queue, type).Launch(
                bench.Normal("logits", type, [2, 384]), bench.Unwritten("ids", DataType.Int32, 2), 300, 7, new SamplingOptions(0.8f, 40, 0.9f, 3)));

    private static KernelSample Cast(DataType type) => new(
        "cast", type, "n=1025", CastLauncher.Cost(DataType.Float32, type, 1025), bench =>
            new CastLauncher(bench.Queue).Launch(bench.Normal("source", DataType.Float32, [1025]), bench.Unwritten("destination", type, 1025)));
}
