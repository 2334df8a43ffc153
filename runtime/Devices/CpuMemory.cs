using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Devices;

/// <summary>Memory of the CPU device: pages of the host, huge ones where the system has them.</summary>
internal sealed unsafe class CpuMemory(long bytes) : DeviceMemory
{
    private readonly HostMemory _memory = HostMemory.Allocate(bytes);

    public override nuint Address => (nuint)_memory.Pointer;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing) => _memory.Dispose();
}
