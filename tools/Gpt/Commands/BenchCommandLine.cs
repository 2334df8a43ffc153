using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using GptEngine.Engine.Benchmarking;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Launching;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

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

        LaunchedRank rank = LaunchedRank.Read(Environment.GetEnvironmentVariable);
        bool isLaunched = rank.Environment is not null || rank.IsOwn;
        int worldSize = isLaunched ? rank.WorldSize : _device.RankCount(call);
        IReadOnlyList<BenchCase> cases = _workload.Cases(call, _options.Steps(call), _options.MaxSeconds(call), worldSize);
        PeakTable peaks = PeakTable.Load(_options.Peaks(call));
        return (int)(!isLaunched && worldSize > 1 ? Launch(call) : Measure(call, cases, peaks, rank));
    }

    /// <summary>Starts this call again as each of the ranks.</summary>
    private ExitCode Launch(ParseResult call)
    {
        string logs = Directory.CreateTempSubdirectory("gpt-bench-").FullName;
        ExitCode end = new RankLauncher(RankLaunchPlan.Of(call, _device, logs), Console.Out, Console.Error).Run();
        if (end == ExitCode.Success)
        {
            Directory.Delete(logs, recursive: true);
        }

        return end;
    }

    private ExitCode Measure(ParseResult call, IReadOnlyList<BenchCase> cases, PeakTable peaks, LaunchedRank rank)
    {
        using BenchOutput output = _options.OpenOutput(call, _device.IsHardware(call), rank.Rank == 0);
        using var interruption = new Interruption("Finishing the step");
        using RankControl? control = rank.Environment is { } place
            ? RankMeeting.Meet(
                place, cases[0].Configuration, string.Join(' ', call.Tokens), cases[0].Documents, RankLimits.Default, interruption.Token)
            : null;
        try
        {
            new BenchRun(call, _device, _workload.Preset(call), peaks, output, rank.Environment, control).Run(cases, interruption.Token);
        }
        catch (Exception e)
        {
            control?.Fail(ErrorText.Of(e).Message);
            throw;
        }

        output.Finish();
        return ExitCode.Success;
    }
}
