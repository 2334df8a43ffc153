using System;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.Step;

/// <summary>Matrix products that are heard of and not done.</summary>
/// <param name="fusesEpilogues">Whether epilogues are preferred to kernels of their own.</param>
internal sealed class RecordingProducts(bool fusesEpilogues) : MatrixProducts
{
    /// <summary>The latest.</summary>
    public MatrixProduct? Last { get; set; }

    public override string Name => "products that are not done";

    public override long WorkspaceBytes => 32 << 20;

    public override bool Supports(in MatrixProduct product) =>
        !product.Accumulate || product.Epilogue is not (MatrixEpilogue.GeluTanh or MatrixEpilogue.GeluTanhGradient);

    public override bool Prefers(in MatrixProduct fused, in MatrixProduct plain, Func<double> restMs) => fusesEpilogues && Supports(fused);

    public override void Multiply(in MatrixProduct product, in MatrixOperands operands, DevicePointer workspace) => Last = product;

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
