using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Kernels.Profiling;

/// <summary>When pieces of work ran, by whatever means a device has. Pieces are numbered from 0 in the order in which they begin.</summary>
public abstract class WorkClock : IDisposable
{
    /// <summary>Whether it times what is launched; otherwise whole operations, which run at once.</summary>
    public abstract bool TimesLaunches { get; }

    /// <summary>Why its times cannot be used, once the step has ended: a clause; null where they can.</summary>
    public virtual string? Fault => null;

    /// <summary>What the device itself recorded from the step's beginning to its end; nothing where it does not.</summary>
    public virtual IReadOnlyList<GpuActivity> Activities => [];

    /// <summary>The step whose pieces are timed is about to begin. Work before it may be under way.</summary>
    public virtual void BeginStep()
    {
        // Most clocks have nothing to prepare.
    }

    /// <summary>The step has been enqueued.</summary>
    public virtual void EndStep()
    {
        // Most clocks have nothing to end.
    }

    /// <summary>The next piece is about to be enqueued.</summary>
    public abstract void Begin();

    /// <summary>It has been enqueued.</summary>
    /// <param name="name">As its observer is told.</param>
    /// <param name="shape">Its launch; null where there is none, or it is not known.</param>
    /// <param name="cost">What it says that it must move and compute; null where it does not say.</param>
    public abstract void End(string name, LaunchShape? shape, KernelCost? cost);

    /// <summary>When a piece began, in seconds from an instant before the first, and how long it took. The device has done it.</summary>
    public abstract (double Start, double Seconds) Read(int piece);

    /// <summary>When the host was about to enqueue a piece, in the same seconds; null where that is not known.</summary>
    public virtual double? Enqueued(int piece) => null;

    /// <summary>What the device itself recorded of a piece; nothing where it does not.</summary>
    public virtual IReadOnlyList<GpuActivity> ActivitiesOf(int piece) => [];

    /// <summary>What was counted of a piece; null where nothing counts.</summary>
    public virtual LaunchCounters? Counters(int piece) => null;

    /// <summary>What times the collectives that run beside the work; the caller's.</summary>
    public abstract CollectiveClock TimeCollectives();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
