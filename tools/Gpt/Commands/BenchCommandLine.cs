using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt bench</c>: training throughput of a configuration, or of every combination of micro-batch, context and precision.</summary>
internal sealed class BenchCommandLine
{
    /// <summary>What a step has of micro-steps unless told: the update then weighs about what it weighs in a run, and a step ends soon.</summary>
    private const int MostMicroSteps = 16;

    private readonly WorkloadOptions _workload = new(MostMicroSteps, warmup: 3);
    private readonly DeviceOptions _device = new();
    private readonly BenchOptions _options = new();
    private readonly KernelBenchOptions _kernels = new();
    private readonly Option<bool> _modelScaling = new("--model-scaling")
    {
        Description = "Compute, not measure, how steps would scale over the GPUs of a DGX-1 and over many; without a configuration for gpt-89m, gpt-304m and gpt-1b",
    };

    public static Command Create()
    {
        var self = new BenchCommandLine();
        var command = new Command("bench", "Measures training: tokens/s, FLOP/s against the device's peak, memory, time to the first step; or single operations (--kernels).");
        self._workload.AddTo(command);
        self._options.AddTo(command);
        self._kernels.AddTo(command);
        self._device.AddTo(command);
        command.Options.Add(self._modelScaling);
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult call)
    {
        if (call.GetValue(_modelScaling))
        {
            ModelScaling.Run(
                _workload.AnyGiven(call) ? (_workload.Preset(call) ?? "configuration", _workload.Configuration(call)) : null,
                _options.Json(call), Console.Out);
            return (int)ExitCode.Success;
        }

        if (_kernels.AreAskedFor(call))
        {
            return (int)new KernelBench(_device, _workload, _options, _kernels).Run(call);
        }

        IReadOnlyList<BenchCase> cases = _workload.Cases(call, _options.Steps(call), _options.MaxSeconds(call));
        PeakTable peaks = PeakTable.Load(_options.Peaks(call));
        using BenchOutput output = _options.OpenOutput(call, _device.IsHardware(call));
        using var interruption = new Interruption("Finishing the step");
        foreach (IGrouping<Precision, BenchCase> group in cases.GroupBy(benchmark => benchmark.Configuration.Training.Precision))
        {
            RunPrecision(call, group, peaks, output, interruption.Token);
        }

        output.Finish();
        return (int)ExitCode.Success;
    }

    /// <summary>The rows of one precision, on one opening of the device.</summary>
    private void RunPrecision(ParseResult call, IGrouping<Precision, BenchCase> cases, PeakTable peaks, BenchOutput output, CancellationToken stop)
    {
        long opened = Stopwatch.GetTimestamp();
        using OpenDevice device = _device.Open(call, cases.Key);
        double sheet = peaks.FlopsPerSecond(device.Operations.Device.Name, cases.Key);
        var context = new BenchContext(device.Operations.Device, sheet > 0 ? sheet : null, _workload.Preset(call));
        foreach (BenchCase benchmark in cases)
        {
            output.Begin(benchmark);
            long started = context.HasRow ? Stopwatch.GetTimestamp() : opened;
            BenchMeasurement? measured = null;
            string? error = null;
            try
            {
                measured = TrainingBenchmark.Run(benchmark, device.Operations, stop);
            }
            catch (Exception e) when (TrainingBenchmark.IsOutOfMemory(e))
            {
                error = e.Message;
            }

            // Behind the first row, so that the time to its first step is training's alone.
            context.MeasurePeak(device.Operations, isMeasurable: _device.IsHardware(call));
            output.Add(context.Record(benchmark, measured, error, started, isFirst: !output.HasRows));
        }
    }
}
