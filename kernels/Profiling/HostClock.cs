using System.Collections.Generic;
using System.Diagnostics;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>Times operations of a device that runs them in the call: by the host's own clock.</summary>
public sealed class HostClock : WorkClock
{
    private readonly long _origin = Stopwatch.GetTimestamp();
    private readonly List<(long Begin, long End)> _pieces = [];
    private long _begun;

    public override bool TimesLaunches => false;

    public override void Begin() => _begun = Stopwatch.GetTimestamp();

    public override void End(string name, LaunchShape? shape, KernelCost? cost) => _pieces.Add((_begun, Stopwatch.GetTimestamp()));

    public override (double Start, double Seconds) Read(int piece)
    {
        (long begin, long end) = _pieces[piece];
        return (Seconds(_origin, begin), Seconds(begin, end));
    }

    /// <summary>Between two timestamps, to the tick: a time span has but tenths of a microsecond.</summary>
    internal static double Seconds(long from, long to) => (to - from) / (double)Stopwatch.Frequency;

    public override CollectiveClock TimeCollectives() => new HostCollectiveClock(_origin);

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
