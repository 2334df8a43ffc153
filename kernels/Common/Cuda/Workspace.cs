using System;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>The scratch that operations share: first what matrix products may use, then what the operation itself needs.</summary>
/// <param name="productBytes">Bytes that matrix products may use.</param>
internal sealed class Workspace(long productBytes)
{
    private readonly long _productBytes = Aligned(productBytes);
    private Tensor? _tensor;

    /// <summary>All of it, for launchers that take none of matrix products' part.</summary>
    public Tensor Whole => _tensor ?? throw new InvalidOperationException("no workspace has been bound");

    /// <summary>Where matrix products may write.</summary>
    public DevicePointer Products => _productBytes == 0 ? default : KernelQueue.PointerTo(Whole);

    /// <summary>Bytes to ask for where an operation with matrix products needs <paramref name="own"/> of its own.</summary>
    public long BytesFor(long own) => _productBytes + Aligned(own);

    /// <summary>A place of the operation's own behind the products'.</summary>
    /// <exception cref="ArgumentException">The workspace is smaller than what was asked for.</exception>
    public DevicePointer Own(long bytes)
    {
        if (bytes == 0)
        {
            return default;
        }

        return Whole.Bytes >= _productBytes + bytes
            ? KernelQueue.PointerTo(Whole) + _productBytes
            : throw new ArgumentException($"workspace: {_productBytes + bytes} bytes are needed, got {Whole}");
    }

    public void Bind(Tensor tensor)
    {
        tensor.Expect("workspace", DataType.Float32, "bytes/4");
        _tensor = tensor;
    }

    private static long Aligned(long bytes) => (bytes + MemoryPlan.Alignment - 1) / MemoryPlan.Alignment * MemoryPlan.Alignment;
}
