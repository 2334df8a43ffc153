using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Times work on a GPU by an event before and one behind each piece, on its stream. Half a microsecond is what an event resolves, and the two
/// take a place in the stream themselves: what takes a few microseconds is told a little too long, and gaps with it. Where the host does
/// not keep ahead of the GPU, a piece's time holds the wait for its launch as well.
/// </summary>
public sealed class EventClock : WorkClock
{
    private const double Milli = 1e-3;

    // Two for each launch of a few micro-steps of a large model. Making one takes the host as long as recording it.
    private const int EventsAhead = 4096;

    private readonly GpuDriver _driver;
    private readonly GpuStream _stream;
    private readonly Stack<GpuEvent> _unused = new(EventsAhead);
    private readonly List<(GpuEvent Begin, GpuEvent End)> _pieces = [];
    private GpuEvent? _begun;

    /// <param name="driver">The GPU.</param>
    /// <param name="stream">Where work is enqueued.</param>
    public EventClock(GpuDriver driver, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(driver);
        (_driver, _stream) = (driver, stream);
        for (int i = 0; i < EventsAhead; i++)
        {
            _unused.Push(driver.CreateEvent());
        }
    }

    public override bool TimesLaunches => true;

    public override void Begin() => _begun = Mark();

    public override void End(string name, LaunchShape? shape, KernelCost? cost)
    {
        GpuEvent end = Mark();
        _pieces.Add((_begun ?? throw new InvalidOperationException("nothing has begun"), end));
        _begun = null;
    }

    public override (double Start, double Seconds) Read(int piece)
    {
        (GpuEvent begin, GpuEvent end) = _pieces[piece];
        return (Milli * begin.ElapsedMsSince(_pieces[0].Begin), Milli * end.ElapsedMsSince(begin));
    }

    public override CollectiveClock TimeCollectives() => new EventCollectiveClock(_driver, () => _pieces[0].Begin);

    protected override void Dispose(bool disposing)
    {
        _begun?.Dispose();
        foreach ((GpuEvent begin, GpuEvent end) in _pieces)
        {
            begin.Dispose();
            end.Dispose();
        }

        foreach (GpuEvent unused in _unused)
        {
            unused.Dispose();
        }
    }

    private GpuEvent Mark()
    {
        if (!_unused.TryPop(out GpuEvent? mark))
        {
            mark = _driver.CreateEvent();
        }

        mark.Record(_stream);
        return mark;
    }
}
