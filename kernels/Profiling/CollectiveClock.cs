using System;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>When collectives ran, numbered from 0 in the order in which they were enqueued.</summary>
public abstract class CollectiveClock : ICollectiveListener, IDisposable
{
    /// <summary>Whether its seconds count from the same instant as those of the clock of the device's work, at the same pace.</summary>
    public abstract bool IsAligned { get; }

    public abstract void Begin(GpuStream? queue);

    public abstract void End(GpuStream? queue);

    /// <summary>From when to when one ran, in seconds. The device's work has waited for it and is done.</summary>
    public abstract (double Start, double End) Read(int collective);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
