using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>Times collectives that the host does, by its own clock, on the thread that does them.</summary>
/// <param name="origin">The timestamp that seconds count from, the device's work's among them.</param>
public sealed class HostCollectiveClock(long origin) : CollectiveClock
{
    private readonly Lock _lock = new();
    private readonly List<(long Begin, long End)> _spans = [];
    private long _begun;

    public override void Begin(GpuStream? queue) => _begun = Stopwatch.GetTimestamp();

    public override void End(GpuStream? queue)
    {
        long now = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            _spans.Add((_begun, now));
        }
    }

    public override (double Start, double End) Read(int collective)
    {
        lock (_lock)
        {
            (long begin, long end) = _spans[collective];
            return (HostClock.Seconds(origin, begin), HostClock.Seconds(origin, end));
        }
    }

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
