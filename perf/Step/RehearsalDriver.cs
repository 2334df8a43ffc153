using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Perf.Step;

/// <summary>
/// A GPU that takes work and does none of it: launches are checked against their kernels and dropped, and device memory is addresses alone, so that a
/// step of any size takes neither time nor memory.
/// </summary>
/// <param name="properties">The GPU's.</param>
internal sealed class RehearsalDriver(GpuDeviceProperties properties) : GpuDriver
{
    private const long Alignment = 512;

    private readonly SimulatedDriver _inner = new(properties, new SimulatorOptions { HostThreads = 1 });
    private readonly Dictionary<ulong, long> _taken = [];
    private ulong _next = 1UL << 40;
    private long _used;

    public override GpuDeviceProperties Properties => properties;

    public override (long Free, long Total) MemoryInfo => (properties.MemoryBytes - _used, properties.MemoryBytes);

    public override GpuModule LoadModule(ReadOnlySpan<byte> image, string name) => _inner.LoadModule(image, name);

    public override DevicePointer Allocate(long bytes, string name)
    {
        if (bytes > MemoryInfo.Free)
        {
            throw new GpuException("cuMemAlloc", "CUDA_ERROR_OUT_OF_MEMORY", $"{name}: {bytes} bytes of {MemoryInfo.Free} free ones.");
        }

        var pointer = new DevicePointer(_next);
        _taken.Add(_next, bytes);
        _used += bytes;
        _next += (ulong)((bytes + Alignment - 1) / Alignment * Alignment);
        return pointer;
    }

    public override void Free(DevicePointer pointer)
    {
        _used -= _taken[pointer.Address];
        _taken.Remove(pointer.Address);
    }

    public override nint AllocatePinned(long bytes) => _inner.AllocatePinned(bytes);

    public override void FreePinned(nint pointer) => _inner.FreePinned(pointer);

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream)
    {
        // Nothing is done here.
    }

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream)
    {
        // Nothing is done here.
    }

    /// <remarks>Zeros: what nobody has computed, but nothing that a host would stumble over.</remarks>
    public override unsafe void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream) =>
        new Span<byte>((void*)destination, checked((int)bytes)).Clear();

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream)
    {
        // Nothing is done here.
    }

    public override GpuStream CreateStream() => _inner.CreateStream();

    public override GpuEvent CreateEvent() => _inner.CreateEvent();

    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments) =>
        LaunchChecks.Check((SimulatedFunction)function, shape, properties, arguments);

    public override int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes) =>
        _inner.MaximumActiveBlocks(function, threadsPerBlock, dynamicSharedBytes);

    public override void Synchronize() => _inner.Synchronize();

    public override void Dispose() => _inner.Dispose();
}
