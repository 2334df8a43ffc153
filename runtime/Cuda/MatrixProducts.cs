using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// Dense matrix products on a GPU, enqueued to one stream: by cuBLASLt, by its stand-in on the simulated GPU, or by kernels of our own.
/// Inputs in their storage type, sums in fp32. The same product gives the same bits each time.
/// </summary>
public abstract class MatrixProducts : IDisposable
{
    /// <summary>For people: <c>cuBLASLt 12.4.5</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Scratch that a product may use; the caller owns it.</summary>
    public abstract long WorkspaceBytes { get; }

    /// <summary>Whether this kind of product, its epilogue above all, can be done in one go. May measure when first asked.</summary>
    public abstract bool Supports(in MatrixProduct product);

    /// <summary>
    /// Whether a supported product does its epilogue faster than a plain one followed by kernels that do the same. Measured once for each kind
    /// on a GPU, and remembered, so that a run that goes on computes the same bits.
    /// </summary>
    /// <param name="fused">With the epilogue.</param>
    /// <param name="plain">Without.</param>
    /// <param name="restMs">Measures the kernels that would follow, in milliseconds; asked only where it decides.</param>
    public abstract bool Prefers(in MatrixProduct fused, in MatrixProduct plain, Func<double> restMs);

    /// <summary>Enqueues a product. Allocates nothing once that kind of product has been done.</summary>
    /// <param name="product">A kind that is supported.</param>
    /// <param name="operands">Where.</param>
    /// <param name="workspace">At least <see cref="WorkspaceBytes"/>.</param>
    public abstract void Multiply(in MatrixProduct product, in MatrixOperands operands, DevicePointer workspace);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
