using System.Collections.Generic;
using System.Diagnostics;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Work on a simulated GPU: what each launch counted, and for its time the least that the GPU's data sheet allows for what was counted, one
/// launch behind another. The simulator runs a launch in the call that enqueues it. Of products, fills and copies, whose instructions a real
/// GPU's libraries choose, the time is the least for what they say that they must move and compute.
/// </summary>
/// <param name="driver">The simulated GPU.</param>
/// <param name="productThroughput">FLOP/s of products in the run's precision.</param>
public sealed class RooflineClock(SimulatedDriver driver, double productThroughput) : WorkClock
{
    private readonly List<(double Start, double Seconds, LaunchCounters? Counters)> _pieces = [];
    private LaunchReport? _before;
    private double _now;

    public override bool TimesLaunches => true;

    public override void Begin() => _before = driver.LastLaunch;

    public override void End(string name, LaunchShape? shape, KernelCost? cost)
    {
        LaunchCounters? counters = cost is null && !ReferenceEquals(driver.LastLaunch, _before) ? driver.LastLaunch?.Counters : null;
        double seconds = cost?.Seconds(driver.Properties.MemoryBandwidth, productThroughput) ?? (counters is null ? 0 : Seconds(counters));
        _pieces.Add((_now, seconds, counters));
        _now += seconds;
    }

    public override (double Start, double Seconds) Read(int piece) => (_pieces[piece].Start, _pieces[piece].Seconds);

    public override LaunchCounters? Counters(int piece) => _pieces[piece].Counters;

    /// <remarks>The host does the collectives of a simulated GPU: their time is real, and no place in that of the rooflines is theirs.</remarks>
    public override CollectiveClock TimeCollectives() => new HostCollectiveClock(Stopwatch.GetTimestamp(), isAligned: false);

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }

    private double Seconds(LaunchCounters counters) => Roofline.Of(counters, driver.Properties).Seconds;
}
