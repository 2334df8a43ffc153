using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Launching;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.Commands;

/// <summary>What a process of <c>gpt bench</c> measures: alone, or as a rank with the others.</summary>
/// <param name="call">The call.</param>
/// <param name="devices">Its device.</param>
/// <param name="preset">The preset's name, if one was given.</param>
/// <param name="peaks">What GPUs can do by their data sheets.</param>
/// <param name="output">Takes the rows.</param>
/// <param name="ranks">This rank among the others.</param>
/// <param name="control">Joins the ranks; null for a process alone.</param>
internal sealed class BenchRun(
    ParseResult call, DeviceOptions devices, string? preset, PeakTable peaks, BenchOutput output, RankedCall ranks, RankControl? control)
{
    /// <summary>Measures all cases; each precision on one opening of the device.</summary>
    public void Run(IReadOnlyList<BenchCase> cases, CancellationToken stop)
    {
        foreach (IGrouping<Precision, BenchCase> group in cases.GroupBy(benchmark => benchmark.Configuration.Training.Precision))
        {
            RunPrecision(group, stop);
        }
    }

    private void RunPrecision(IGrouping<Precision, BenchCase> cases, CancellationToken stop)
    {
        long opened = Stopwatch.GetTimestamp();
        using OpenDevice open = devices.OpenRank(call, cases.Key, ranks.Rank.Environment);
        Device device = open.Operations.Device;
        RankGroup? group = ranks.Join(control, open);
        using Communicator? collectives = group?.Collectives;
        double sheet = peaks.FlopsPerSecond(device.Name, cases.Key);
        var context = new BenchContext(device, sheet > 0 ? sheet : null, preset, collectives?.Transport);
        foreach (BenchCase benchmark in cases)
        {
            output.Begin(benchmark);
            long started = context.HasRow ? Stopwatch.GetTimestamp() : opened;
            (BenchMeasurement? measured, string? error) = Measure(benchmark, open, group, stop);

            // Behind the first row, so that the time to its first step is training's alone.
            context.MeasurePeak(open.Operations, isMeasurable: devices.IsHardware(call));
            output.Add(context.Record(benchmark, measured, error, started, isFirst: !output.HasRows));
        }
    }

    private static (BenchMeasurement? Measured, string? Error) Measure(BenchCase benchmark, OpenDevice open, RankGroup? group, CancellationToken stop)
    {
        try
        {
            return (TrainingBenchmark.Run(benchmark, open.Operations, group, stop), null);
        }
        catch (Exception e) when (group is null && TrainingBenchmark.IsOutOfMemory(e))
        {
            // Among ranks the others are under way, and the sweep ends: none can know that all have failed alike.
            return (null, e.Message);
        }
    }
}
