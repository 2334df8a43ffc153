using System;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Devices;

/// <summary>
/// The processor as a device. Its memory is the host's, and work runs at once, on the threads of <see cref="Pool"/>, in the call that
/// enqueues it; so events and synchronisation have nothing to wait for.
/// </summary>
public sealed unsafe class CpuDevice : Device
{
    /// <param name="threads">Threads that share the work, the calling one included; 0 for all that the process may use.</param>
    /// <param name="isa">Instructions to use; null for the widest that this processor has.</param>
    public CpuDevice(int threads = 0, CpuIsa? isa = null)
    {
        Isa = isa ?? CpuFeatures.BestIsa;
        if (!CpuFeatures.IsSupported(Isa))
            throw new UserErrorException($"This processor does not have {Isa}; use {CpuFeatures.BestIsa} or an earlier one.", ExitCode.MissingDependency);
        Pool = new CpuThreadPool(threads);
    }

    /// <summary>The threads that operations run on.</summary>
    public CpuThreadPool Pool { get; }

    /// <summary>The vector instructions that operations use.</summary>
    public CpuIsa Isa { get; }

    public override string Name => $"CPU, {Pool.ThreadCount} {(Pool.ThreadCount == 1 ? "thread" : "threads")}, {Isa switch
    {
        CpuIsa.Avx512 => "AVX-512",
        CpuIsa.Avx2 => "AVX2",
        _ => "128-bit vectors",
    }}";

    public override DeviceMemory Allocate(long bytes) => new CpuMemory(bytes);

    public override PinnedBuffer AllocatePinned(long bytes) => new CpuPinnedBuffer(bytes);

    public override void Upload(PinnedBuffer source, long offsetBytes, Tensor destination)
    {
        CheckRange(source, offsetBytes, destination);
        Buffer.MemoryCopy((void*)(source.Address + (nuint)offsetBytes), (void*)destination.Address, destination.Bytes, destination.Bytes);
    }

    public override void Download(Tensor source, PinnedBuffer destination, long offsetBytes)
    {
        CheckRange(destination, offsetBytes, source);
        Buffer.MemoryCopy((void*)source.Address, (void*)(destination.Address + (nuint)offsetBytes), source.Bytes, source.Bytes);
    }

    public override DeviceEvent CreateEvent() => new CpuEvent();

    public override void Synchronize()
    {
        // Everything enqueued has run.
    }

    public override CapturedWork Capture(string name, Action work) => new DirectWork(work);

    protected override void Dispose(bool disposing) => Pool.Dispose();

    private static void CheckRange(PinnedBuffer buffer, long offsetBytes, Tensor tensor)
    {
        if (offsetBytes < 0 || offsetBytes > buffer.Bytes - tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, $"{tensor} has {tensor.Bytes} bytes, the buffer {buffer.Bytes}.");
    }
}
