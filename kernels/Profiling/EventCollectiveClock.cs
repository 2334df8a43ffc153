using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Times collectives by an event before and one behind each, on the stream that they have to themselves. A collective begins where its
/// stream comes to it: what it then waits for ranks that come later is part of its time.
/// </summary>
public sealed class EventCollectiveClock : CollectiveClock
{
    private const double Milli = 1e-3;

    // Making an event takes the host as long as recording it: enough for some steps of a large model's buckets.
    private const int EventsAhead = 1024;

    private readonly GpuDriver _driver;
    private readonly Func<GpuEvent> _origin;
    private readonly Stack<GpuEvent> _unused = new(EventsAhead);
    private readonly List<(GpuEvent Begin, GpuEvent End)> _spans = [];
    private GpuEvent? _begun;

    /// <param name="driver">The GPU.</param>
    /// <param name="origin">The event that the device's work is timed from; asked for when that work is done.</param>
    public EventCollectiveClock(GpuDriver driver, Func<GpuEvent> origin)
    {
        ArgumentNullException.ThrowIfNull(driver);
        (_driver, _origin) = (driver, origin);
        for (int i = 0; i < EventsAhead; i++)
        {
            _unused.Push(driver.CreateEvent());
        }
    }

    public override void Begin(GpuStream? queue) => _begun = Mark(queue);

    public override void End(GpuStream? queue)
    {
        GpuEvent end = Mark(queue);
        _spans.Add((_begun ?? throw new InvalidOperationException("nothing has begun"), end));
        _begun = null;
    }

    public override (double Start, double End) Read(int collective)
    {
        GpuEvent origin = _origin();
        (GpuEvent begin, GpuEvent end) = _spans[collective];
        return (Milli * begin.ElapsedMsSince(origin), Milli * end.ElapsedMsSince(origin));
    }

    protected override void Dispose(bool disposing)
    {
        _begun?.Dispose();
        foreach ((GpuEvent begin, GpuEvent end) in _spans)
        {
            begin.Dispose();
            end.Dispose();
        }

        foreach (GpuEvent unused in _unused)
        {
            unused.Dispose();
        }
    }

    private GpuEvent Mark(GpuStream? queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (!_unused.TryPop(out GpuEvent? mark))
        {
            mark = _driver.CreateEvent();
        }

        mark.Record(queue);
        return mark;
    }
}
