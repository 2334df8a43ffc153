using System;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// When collectives ran, numbered from 0 in the order in which they were enqueued: in the seconds of the clock of the device's work.
/// </summary>
public abstract class CollectiveClock : ICollectiveListener, IDisposable
{
    /// <summary>A collective is about to be enqueued, behind the work enqueued so far.</summary>
    /// <param name="wireBytes">That each rank sends in a ring; 0 for one outside of what is recorded.</param>
    public virtual void Enqueue(double wireBytes)
    {
        // What is timed where it runs is told enough by its beginning and its end.
    }

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
