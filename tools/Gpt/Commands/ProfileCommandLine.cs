using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Profiling;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Launching;
using GptEngine.Gpt.Terminal;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt profile</c>: where a training step's time goes, kernel by kernel, against what the machine could do.</summary>
internal sealed class ProfileCommandLine
{
    /// <summary>The first micro-step overwrites gradients and the others add to them: two show both.</summary>
    private const int MostMicroSteps = 2;

    /// <summary>Steps that say how long one takes without a profile.</summary>
    private const int PlainSteps = 5;

    private const double PlainSeconds = 30;

    private readonly WorkloadOptions _workload = new(MostMicroSteps, warmup: 3);
    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _trace = new("--trace") { Description = "Write a trace for Perfetto (ui.perfetto.dev) or chrome://tracing", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "Write the tables' figures as JSON", HelpName = "FILE" };
    private readonly Option<int> _top = new("--top") { Description = "Rows of the table of kernels; 0 for all", HelpName = "N", DefaultValueFactory = _ => 25 };
    private readonly Option<string> _sort = new("--sort")
    {
        Description = "Its order: time, calls, bytes, flops, roofline (the most time beyond it first) or name",
        HelpName = "COLUMN",
        DefaultValueFactory = _ => "time",
    };

    private readonly Option<string> _timer = new("--timer")
    {
        Description = "What times a GPU's work: cupti (its own records), events, or auto, which takes CUPTI's where they are whole",
        HelpName = "NAME",
        DefaultValueFactory = _ => "auto",
    };

    public static Command Create()
    {
        var self = new ProfileCommandLine();
        var command = new Command("profile", "Profiles one training step: each kernel's time, bytes and FLOPs against the machine's roofline; gaps; a trace.");
        self._workload.AddTo(command);
        foreach (Option option in (Option[])[self._trace, self._json, self._top, self._sort, self._timer])
        {
            command.Options.Add(option);
        }

        self._device.AddTo(command);
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult call)
    {
        var ranks = new RankedCall(call, _device);
        IReadOnlyList<BenchCase> cases = _workload.Cases(call, PlainSteps, PlainSeconds, ranks.WorldSize);
        if (cases.Count != 1)
        {
            throw new UserErrorException("gpt profile takes one micro-batch, one context length and one precision; gpt bench takes several.", ExitCode.Usage);
        }

        int top = WorkloadOptions.InRange(_top.Name, call.GetValue(_top), 0, 1 << 20);
        ProfileOrder order = Order(call);
        ProfileTimer timer = Timer(call);
        if (ranks.IsLauncher)
        {
            return (int)ranks.Launch();
        }

        // Ranks are alike: the first tells.
        bool isFirst = ranks.Rank.Rank == 0;
        using FileStream? trace = isFirst ? Create(_trace, call) : null;
        using FileStream? json = isFirst ? Create(_json, call) : null;
        using var interruption = new Interruption("Finishing the step");
        ranks.Run(
            cases[0],
            control =>
            {
                double? plain = _device.IsHardware(call) ? PlainStep(call, cases[0], ranks, control, interruption.Token) : null;
                Precision precision = cases[0].Configuration.Training.Precision;
                using OpenDevice device = _device.OpenRank(call, precision, ranks.Rank.Environment, usesGraphs: false);
                RankGroup? group = ranks.Join(control, device);
                using Communicator? collectives = group?.Collectives;
                StepProfile profile = TrainingProfiler.Run(cases[0], device.Operations, group, timer, interruption.Token);
                Device opened = device.Operations.Device;
                new ProfileOutput(isFirst ? Console.Out : TextWriter.Null, profile, plain) { Choices = device.Operations.Choices }.Print(
                    opened.Name, EnumNames.Of(precision), cases[0].Documents, top, order);
                WriteFiles(call, cases[0], device.Operations, profile, plain, trace, json);
            },
            interruption.Token);
        return (int)ExitCode.Success;
    }

    private void WriteFiles(
        ParseResult call, BenchCase benchmark, IOperations operations, StepProfile profile, double? plain, FileStream? trace, FileStream? json)
    {
        Device device = operations.Device;
        if (trace is not null)
        {
            TraceFile.Write(profile, device.Name, device is CpuDevice ? "CPU" : "compute stream", trace);
        }

        if (json is not null)
        {
            ProfileFile.Write(profile, Heading(call, benchmark, operations), plain, json);
        }
    }

    /// <summary>A step as training makes it, graphs and all.</summary>
    private double PlainStep(ParseResult call, BenchCase benchmark, RankedCall ranks, RankControl? control, CancellationToken stop)
    {
        using OpenDevice device = _device.OpenRank(call, benchmark.Configuration.Training.Precision, ranks.Rank.Environment);
        RankGroup? group = ranks.Join(control, device);
        using Communicator? collectives = group?.Collectives;
        return TrainingBenchmark.Run(benchmark, device.Operations, group, stop).StepSeconds.Median;
    }

    private ProfileOrder Order(ParseResult call) => Choice.Of(
        call.GetValue(_sort)!, _sort.Name, ("time", ProfileOrder.Time), ("calls", ProfileOrder.Calls), ("bytes", ProfileOrder.Bytes),
        ("flops", ProfileOrder.Flops), ("roofline", ProfileOrder.Roofline), ("name", ProfileOrder.Name));

    private ProfileTimer Timer(ParseResult call)
    {
        ProfileTimer timer = Choice.Of(
            call.GetValue(_timer)!, _timer.Name, ("auto", ProfileTimer.Auto), ("cupti", ProfileTimer.Cupti), ("events", ProfileTimer.Events));
        return timer == ProfileTimer.Auto || _device.Kind(call) == "cuda"
            ? timer
            : throw new UserErrorException(
                $"{_timer.Name} {call.GetValue(_timer)}: it times a GPU, and the device is {_device.Kind(call)}. Leave the option out.", ExitCode.Usage);
    }

    private List<(string Name, string? Value)> Heading(ParseResult call, BenchCase benchmark, IOperations operations) =>
    [
        ("preset", _workload.Preset(call)),
        ("device", operations.Device.Name),
        ("precision", EnumNames.Of(benchmark.Configuration.Training.Precision)),
        ("data", benchmark.Documents),
        .. ProgramVersions.Of(operations.Device).Select(version => ($"version_{version.Key}", (string?)version.Value)),
        ("chosen_kernels", operations.Choices.Count > 0 ? string.Join("; ", operations.Choices) : null),
        ("command", string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("gpt"))),
    ];

    private static FileStream? Create(Option<string?> option, ParseResult call)
    {
        if (call.GetValue(option) is not { } path)
        {
            return null;
        }

        try
        {
            return File.Create(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"{option.Name} {path}: the file cannot be written ({e.Message.TrimEnd('.')}). Check the path.", ExitCode.Usage, e);
        }
    }
}
