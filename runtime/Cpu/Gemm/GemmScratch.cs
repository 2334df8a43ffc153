using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>The packing memory of one worker, bounded by the blocking whatever the product.</summary>
internal sealed unsafe class GemmScratch : IDisposable
{
    private const long AElements = (GemmBlocking.MaxRows + 16) * (GemmBlocking.MaxDepth + 16);
    private const long BElements = GemmBlocking.MaxBElements + 64 * (GemmBlocking.MaxDepth + 16);
    private const long TileElements = (GemmBlocking.MaxRows + 16) * (GemmBlocking.MaxColumns + 64);

    private readonly HostMemory _memory = HostMemory.Allocate((AElements + BElements + TileElements) * sizeof(float));

    /// <summary>Packed panels of a block of A.</summary>
    public float* A => (float*)_memory.Pointer;

    /// <summary>Tiles of a block of C, each dense, while the sum over K is not complete.</summary>
    public float* Tiles => A + AElements;

    /// <summary>Packed panels of a block of columns of B.</summary>
    public float* B => Tiles + TileElements;

    /// <summary>Which block of columns <see cref="B"/> holds in this call; −1 for none.</summary>
    public int PackedColumnBlock { get; set; } = -1;

    public void Dispose() => _memory.Dispose();
}
