using System;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native.Nvtx;

namespace GptEngine.Runtime.Devices;

/// <summary>
/// Where operations run: memory, transfers, and the order of work. Work is enqueued and runs in the order of its enqueueing; a device
/// may run it later (a GPU stream) or at once (the CPU). Nothing here waits but <see cref="Synchronize"/> and <see cref="DeviceEvent.Wait"/>.
/// </summary>
public abstract class Device : IDisposable
{
    /// <summary>For people: <c>NVIDIA H200</c>, <c>AMD EPYC, 2 threads, AVX-512</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Whether enqueued work runs while the host goes on, so that results are best read late. The CPU's is done when a call returns.</summary>
    public virtual bool IsAsynchronous => false;

    /// <summary>
    /// Who hears of the stretches of work that <see cref="Range"/> names; null for nobody. From the start the tool that runs this
    /// program, if it listens to NVTX. Who takes its place passes on what it hears.
    /// </summary>
    public IRangeListener? RangeListener { get; set; } = NvtxListener.ForThisProcess();

    /// <summary>Free and total bytes of device memory, all processes' use counted; null where the device has none of its own (the CPU).</summary>
    public virtual (long Free, long Total)? MemoryInfo => null;

    /// <summary>
    /// Bytes that a plan may take here: what is free, less what else will be needed beside it. Null where memory is the host's, which gives
    /// way to others.
    /// </summary>
    public virtual long? PlannableBytes => null;

    /// <summary>Takes <paramref name="bytes"/> bytes of device memory, zeroed, aligned to <see cref="MemoryPlan.Alignment"/>.</summary>
    /// <exception cref="UserErrorException">There is not that much; says how much there is.</exception>
    public abstract DeviceMemory Allocate(long bytes);

    /// <summary>Takes host memory that transfers can run from and to while the host goes on.</summary>
    public abstract PinnedBuffer AllocatePinned(long bytes);

    /// <summary>Enqueues a copy into <paramref name="destination"/>. The source must stay unchanged until an event recorded later has passed.</summary>
    public abstract void Upload(PinnedBuffer source, long offsetBytes, Tensor destination);

    /// <summary>Enqueues a copy out of <paramref name="source"/>; the data is there once an event recorded later has passed.</summary>
    public abstract void Download(Tensor source, PinnedBuffer destination, long offsetBytes);

    /// <summary>A reusable mark in the order of work.</summary>
    public abstract DeviceEvent CreateEvent();

    /// <summary>Waits until all enqueued work is done. Not for use inside a step.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Makes a replayable unit of the operations that <paramref name="work"/> enqueues: a CUDA graph there, the delegate itself on the CPU.
    /// The work must read everything that changes between replays from device memory.
    /// </summary>
    public abstract CapturedWork Capture(string name, Action work);

    /// <summary>Names the work that is enqueued until the scope is disposed of.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="number">Which of its kind, where that changes from time to time.</param>
    public RangeScope Range(RangeName name, long number = 0) => new(RangeListener, name, number);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
