using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Times a step's work by what the GPU itself records of it. Nothing of ours is put between the pieces, so that each time is the kernel's own
/// and gaps hold no events; that CUPTI listens makes each launch take the host longer, and its time stamps have their place in the stream.
/// </summary>
public sealed class CuptiClock : WorkClock
{
    private readonly GpuDriver _driver;
    private readonly GpuTracer _tracer;
    private readonly List<TracedPiece> _pieces = [];
    private readonly Collectives _collectives;
    private readonly List<GpuActivity> _activities = [];
    private bool _isTracing;
    private long _enqueued;
    private TracedStep? _step;
    private string? _fault;

    /// <param name="driver">The GPU.</param>
    /// <param name="tracer">Opened for it.</param>
    public CuptiClock(GpuDriver driver, GpuTracer tracer)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(tracer);
        (_driver, _tracer) = (driver, tracer);
        _collectives = new Collectives(this);
    }

    public override bool TimesLaunches => true;

    public override string? Fault => _fault ?? (_step is null ? "the step has not ended" : _step.Fault);

    public override IReadOnlyList<GpuActivity> Activities => _activities;

    public override void BeginStep()
    {
        // What began before is none of the step's.
        _driver.Synchronize();
        _fault = _tracer.Start();
        _isTracing = _fault is null;
        _collectives.Before = _collectives.Count;
    }

    public override void EndStep()
    {
        if (!_isTracing)
        {
            return;
        }

        _driver.Synchronize();
        _isTracing = false;
        GpuTrace trace = _tracer.Stop();
        _activities.AddRange(trace.Activities);
        _step = TracedStep.Of(_pieces, _collectives.Count - _collectives.Before, trace);
    }

    public override void Begin()
    {
        if (_isTracing)
        {
            _enqueued = _tracer.Now;
            _tracer.Push((ulong)_pieces.Count + 1);
        }
    }

    public override void End(string name, LaunchShape? shape, KernelCost? cost)
    {
        if (_isTracing)
        {
            _tracer.Pop();
        }

        _pieces.Add(new TracedPiece(name, shape, _enqueued, _collectives.Count - _collectives.Before));
    }

    public override (double Start, double Seconds) Read(int piece)
    {
        (long start, long end) = _step!.Span(piece);
        return (Seconds(start), Seconds(end - start));
    }

    public override double? Enqueued(int piece) => Seconds(_pieces[piece].Enqueued);

    public override IReadOnlyList<GpuActivity> ActivitiesOf(int piece) => _step!.Activities(piece);

    public override CollectiveClock TimeCollectives() => _collectives;

    protected override void Dispose(bool disposing)
    {
        // A step that was broken off: CUPTI must not go on.
        if (_isTracing)
        {
            _isTracing = false;
            _tracer.Stop();
        }
    }

    private static double Seconds(long nanoseconds) => nanoseconds * 1e-9;

    /// <summary>Counts collectives; when they ran is read from the step's records.</summary>
    private sealed class Collectives(CuptiClock clock) : CollectiveClock
    {
        /// <summary>Enqueued so far.</summary>
        public int Count { get; private set; }

        /// <summary>Of these, before the step.</summary>
        public int Before { get; set; }

        public override void Begin(GpuStream? queue) => Count++;

        public override void End(GpuStream? queue)
        {
            // Counted where it began.
        }

        public override (double Start, double End) Read(int collective)
        {
            (long start, long end) = clock._step!.Collective(collective - Before);
            return (Seconds(start), Seconds(end));
        }

        protected override void Dispose(bool disposing)
        {
            // Holds nothing.
        }
    }
}
