using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Devices;

/// <summary>Host memory for the CPU device's transfers, which are copies: nothing needs pinning but that it does not move.</summary>
internal sealed unsafe class CpuPinnedBuffer(long bytes) : PinnedBuffer
{
    private readonly HostMemory _memory = HostMemory.Allocate(bytes);

    public override nuint Address => (nuint)_memory.Pointer;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing) => _memory.Dispose();
}
