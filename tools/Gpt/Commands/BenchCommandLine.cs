using System;
using System.Collections.Generic;
using System.CommandLine;
using GptEngine.Engine.Benchmarking;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Launching;
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

        var ranks = new RankedCall(call, _device);
        IReadOnlyList<BenchCase> cases = _workload.Cases(call, _options.Steps(call), _options.MaxSeconds(call), ranks.WorldSize);
        PeakTable peaks = PeakTable.Load(_options.Peaks(call));
        if (ranks.IsLauncher)
        {
            return (int)ranks.Launch();
        }

        using BenchOutput output = _options.OpenOutput(call, _device.IsHardware(call), ranks.Rank.Rank == 0);
        using var interruption = new Interruption("Finishing the step");
        ranks.Run(
            cases[0],
            control => new BenchRun(call, _device, _workload.Preset(call), peaks, output, ranks, control).Run(cases, interruption.Token),
            interruption.Token);
        output.Finish();
        return (int)ExitCode.Success;
    }
}
