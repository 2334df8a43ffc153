using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// What the engine needs of a GPU, as libcuda has it: one device, its context implied. Two implementations: the driver's own and the
/// simulator's. Every failure is a <see cref="GpuException"/>. Host pointers of asynchronous copies stay valid until the stream has done them.
/// </summary>
public abstract class GpuDriver : IDisposable
{
    public abstract GpuDeviceProperties Properties { get; }

    /// <summary>Free and total bytes of device memory.</summary>
    public abstract (long Free, long Total) MemoryInfo { get; }

    /// <summary>Loads PTX text or a cubin; <paramref name="name"/> is what messages call it.</summary>
    public abstract GpuModule LoadModule(ReadOnlySpan<byte> image, string name);

    /// <summary>Takes device memory, contents undefined; <paramref name="name"/> is what messages call it.</summary>
    public abstract DevicePointer Allocate(long bytes, string name);

    public abstract void Free(DevicePointer pointer);

    /// <summary>Takes host memory that copies run from and to at full speed; kernels see it under the same address.</summary>
    public abstract nint AllocatePinned(long bytes);

    public abstract void FreePinned(nint pointer);

    /// <remarks>Dropped, like all that is enqueued, where the stream is rehearsing.</remarks>
    public abstract void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream);

    public abstract void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream);

    public abstract void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream);

    public abstract void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream);

    public abstract GpuStream CreateStream();

    public abstract GpuEvent CreateEvent();

    /// <summary>Queues a kernel. Arguments are checked against its parameters and read before the call returns.</summary>
    public abstract void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments);

    /// <summary>Blocks of a kernel that a multiprocessor holds at once.</summary>
    public abstract int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes);

    /// <summary>Waits for all work of all streams.</summary>
    public abstract void Synchronize();

    public abstract void Dispose();
}
