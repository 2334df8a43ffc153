using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Work on a simulated GPU: what each launch counted, and for its time the least that the GPU's data sheet allows for what was counted, one
/// launch behind another. The simulator runs a launch in the call that enqueues it. Of a library's products, of fills and of copies, whose
/// instructions a real GPU's libraries and driver choose, nothing is counted: their time is a model's, the least for what they say that they
/// must move and compute.
/// </summary>
/// <param name="driver">The simulated GPU.</param>
/// <param name="productThroughput">FLOP/s of products in the run's precision.</param>
public sealed class RooflineClock(SimulatedDriver driver, double productThroughput) : WorkClock
{
    private readonly List<(double Start, double Seconds, LaunchCounters? Counters)> _pieces = [];
    private LaunchReport? _before;
    private LinkCollectiveClock? _collectives;
    private double _now;

    public override bool TimesLaunches => true;

    public override void Begin() => _before = driver.LastLaunch;

    public override void End(string name, LaunchShape? shape, KernelCost? cost)
    {
        // A library's stand-in is a launch without instructions.
        LaunchCounters? counters = !ReferenceEquals(driver.LastLaunch, _before) && driver.LastLaunch is { Counters: { WarpInstructions: > 0 } counted } ? counted : null;
        double seconds = name == ProfiledCommunicator.Wait ? Math.Max(0, (_collectives?.LastEnd ?? 0) - _now)
            : counters is not null ? Roofline.Of(counters, driver.Properties).Seconds
            : cost?.Seconds(driver.Properties.MemoryBandwidth, productThroughput) ?? 0;
        _pieces.Add((_now, seconds, counters));
        _now += seconds;
    }

    public override (double Start, double Seconds) Read(int piece) => (_pieces[piece].Start, _pieces[piece].Seconds);

    public override LaunchCounters? Counters(int piece) => _pieces[piece].Counters;

    public override CollectiveClock TimeCollectives() => _collectives = new LinkCollectiveClock(() => _now, driver.Properties.LinkBandwidth);

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
