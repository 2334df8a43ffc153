using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.SelfTesting;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt selftest</c>: every operation and kernel and a short training run against the reference, on this machine.</summary>
internal sealed class SelfTestCommandLine
{
    private readonly DeviceOptions _device = new();
    private readonly Option<bool> _full = new("--full") { Description = "Every size that the kernels claim: minutes instead of seconds" };
    private readonly Option<bool> _all = new("--all") { Description = "Print a line for every case, not one for each operation" };
    private readonly Option<string> _filter = new("--filter")
    {
        Description = "Only what has all these words, as in: \"operations bf16 LayerNorm\" or \"training\"",
        HelpName = "WORDS",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<int> _seed = new("--seed")
    {
        Description = "Of the inputs: another one draws others",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<string?> _json = new("--json") { Description = "Write every case to a file", HelpName = "FILE" };

    public static Command Create()
    {
        var self = new SelfTestCommandLine();
        var command = new Command(
            "selftest", "Holds every operation, every kernel and a short training run against the reference, on this machine. Fails where anything is off.")
        {
            self._full, self._all, self._filter, self._seed, self._json,
        };
        self._device.AddTo(command);
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult call)
    {
        long started = Stopwatch.GetTimestamp();
        (SelfTestMachine machine, string device) = Machine(call);
        int seed = call.GetValue(_seed);
        if (seed < 0)
        {
            throw new UserErrorException($"--seed {seed.ToString(CultureInfo.InvariantCulture)} is out of range; it takes 0 to {int.MaxValue}.", ExitCode.Usage);
        }

        SelfTestPlan plan = SelfTestPlan.For(machine.Kind, call.GetValue(_full)) with { Filter = call.GetValue(_filter)!, Seed = seed };
        using var output = new SelfTestOutput(device, plan, call.GetValue(_all), call.GetValue(_json));
        var test = new SelfTest(machine, plan);
        foreach (SelfTestRow row in test.Run())
        {
            output.Add(row);
        }

        if (output.Rows == 0)
        {
            throw new UserErrorException(
                $"--filter {plan.Filter}: nothing has all these words. Name a part (operations, kernels, ranks, training, rates), a precision or an operation.", ExitCode.Usage);
        }

        return (int)output.Finish(test.Losses, Stopwatch.GetElapsedTime(started));
    }

    private (SelfTestMachine Machine, string Device) Machine(ParseResult call)
    {
        using OpenDevice opened = _device.Open(call);
        Device device = opened.Operations.Device;
        IOperations Open(Precision precision, bool usesGraphs) => _device.Open(call, precision, usesGraphs: usesGraphs).Operations;
        if (device is not GpuDevice gpu)
        {
            return (new SelfTestMachine(SelfTestDevice.Cpu, [Precision.Fp32], Open), device.Name);
        }

        int architecture = gpu.Driver.Properties.Architecture;
        ImmutableArray<Precision> precisions = architecture >= GpuOperations.AmpereArchitecture
            ? [Precision.Fp32, Precision.Tf32, Precision.Fp16, Precision.Bf16]
            : [Precision.Fp32, Precision.Fp16];
        SelfTestDevice kind = _device.Kind(call) == "sim" ? SelfTestDevice.Simulated : SelfTestDevice.Gpu;
        IOperations OpenForced(Precision precision, AttentionVariant variant) => _device.OpenRank(call, precision, null, attention: variant).Operations;
        return (new SelfTestMachine(kind, precisions, Open) { OpenForced = OpenForced }, $"{device.Name} (sm_{architecture}{(kind == SelfTestDevice.Simulated ? ", simulated" : "")})");
    }
}
