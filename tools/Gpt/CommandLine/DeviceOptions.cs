using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Launching;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Gpt.CommandLine;

/// <summary>Where to run: <c>--device</c>, <c>--arch</c>, <c>--gpus</c>, <c>--threads</c>.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string> _device = new("--device")
    {
        Description = "auto, cpu, cuda or sim; auto is a GPU where there is one, else the CPU; sim is a GPU simulated on the CPU, for tests",
        HelpName = "NAME",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string> _architecture = new("--arch")
    {
        Description = "Which GPU to simulate: sm_70 (V100), sm_80 (A100) or sm_90 (H200)",
        HelpName = "NAME",
        DefaultValueFactory = _ => "sm_90",
    };

    private readonly Option<string?> _gpus = new("--gpus") { Description = "How many ranks, or the GPUs by number (0,1,2); ranks of a CPU or simulated GPU share the processors", HelpName = "N|LIST" };

    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of the CPU device, for all ranks of this host together; 0 for all cores",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_device);
        command.Options.Add(_architecture);
        command.Options.Add(_gpus);
        command.Options.Add(_threads);
    }

    /// <summary>Opens the device asked for, for a command that runs on one.</summary>
    /// <param name="call">The call.</param>
    /// <param name="precision">What a GPU computes in; the CPU has fp32 alone.</param>
    /// <param name="keepsReports">Whether a simulated GPU keeps the counters of every launch.</param>
    /// <param name="usesGraphs">Whether a GPU replays a step as graphs; a profile wants each launch.</param>
    /// <exception cref="UserErrorException">There is no such device, this machine lacks it, or several were asked for.</exception>
    public OpenDevice Open(ParseResult call, Precision precision = Precision.Fp32, bool keepsReports = false, bool usesGraphs = true)
    {
        RequireOne(call);
        return OpenRank(call, precision, null, keepsReports, usesGraphs);
    }

    /// <summary>Throws where several devices were asked for, for a command that runs on one.</summary>
    /// <exception cref="UserErrorException">Usage.</exception>
    public void RequireOne(ParseResult call)
    {
        if (RankCount(call) != 1)
        {
            throw new UserErrorException(
                $"--gpus {call.GetValue(_gpus)}: this command runs on one device; gpt train takes several. Leave the option out.", ExitCode.Usage);
        }
    }

    /// <summary>Opens the device of a rank: its own GPU, or its share of the processors.</summary>
    /// <param name="call">The call.</param>
    /// <param name="precision">As in <see cref="Open"/>.</param>
    /// <param name="rank">Where the rank stands; null for a process alone.</param>
    /// <param name="keepsReports">As in <see cref="Open"/>.</param>
    /// <param name="usesGraphs">As in <see cref="Open"/>.</param>
    /// <param name="attention">Attention's kernels of a GPU, whatever the environment says; null leaves them to it.</param>
    /// <exception cref="UserErrorException">There is no such device, or this machine lacks it.</exception>
    public OpenDevice OpenRank(
        ParseResult call, Precision precision, RankEnvironment? rank, bool keepsReports = false, bool usesGraphs = true, AttentionVariant? attention = null)
    {
        string kind = Kind(call);
        int threads = Threads(call, rank);
        if (kind == "cpu")
        {
            var device = new CpuDevice(threads);
            return new OpenDevice(device, CpuOperations.Create(device));
        }

        var options = new GpuOptions
        {
            RoundsToTf32 = precision == Precision.Tf32,
            UsesGraphs = usesGraphs,
            OwnProducts = GpuOperations.OwnProductsAreChosen(Environment.GetEnvironmentVariable),
            Attention = attention ?? GpuOperations.ForcedAttention(Environment.GetEnvironmentVariable),
            HostThreads = threads,
            Warn = static message => Console.Error.WriteLine($"warning: {message}"),
        };
        CudaOperations operations = kind == "cuda"
            ? GpuOperations.Real(Ordinal(rank), StorageOf(precision), options, static () => new NvrtcCompiler())
            : OpenSimulated(call, StorageOf(precision), options, keepsReports);
        return new OpenDevice(operations.Device, operations);
    }

    /// <summary>The device asked for: <c>cpu</c>, <c>cuda</c> or <c>sim</c>.</summary>
    /// <exception cref="UserErrorException">Usage: there is no device of that name.</exception>
    public string Kind(ParseResult call)
    {
        string kind = Choice.Of(call.GetValue(_device)!, "--device", ("auto", "auto"), ("cpu", "cpu"), ("cuda", "cuda"), ("sim", "sim"));
        return kind != "auto" ? kind : CudaDriver.DeviceCount > 0 ? "cuda" : "cpu";
    }

    /// <summary>Whether the device was left to the machine to say.</summary>
    public bool IsAutomatic(ParseResult call) => call.GetValue(_device) == "auto";

    /// <summary>What <c>--gpus</c> says; null where it was not given.</summary>
    public string? Gpus(ParseResult call) => call.GetValue(_gpus);

    /// <summary>Whether time on the device asked for says something: not on a simulated GPU.</summary>
    public bool IsHardware(ParseResult call) => call.GetValue(_device) != "sim";

    /// <summary>How many ranks <c>--gpus</c> asks for; 1 without it.</summary>
    public int RankCount(ParseResult call) => GpuNumbers(call).Count;

    /// <summary>The GPUs that <c>--gpus</c> asks for, by their numbers among those seen: the first N, or those of the list; the first without it.</summary>
    /// <exception cref="UserErrorException">Usage: it is neither a number nor a list.</exception>
    public IReadOnlyList<int> GpuNumbers(ParseResult call)
    {
        if (call.GetValue(_gpus) is not { } text)
        {
            return [0];
        }

        string[] parts = text.Split(',');
        int[] numbers =
            [.. parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1)];
        bool isCount = parts.Length == 1;
        return Array.TrueForAll(numbers, number => number >= 0) && (!isCount || numbers[0] is >= 1 and <= RankEnvironment.LargestWorld)
            ? isCount ? [.. Enumerable.Range(0, numbers[0])] : numbers
            : throw new UserErrorException(
                $"--gpus {text}: give a number from 1 to {RankEnvironment.LargestWorld}, or a list of GPUs as in 0,1,2.", ExitCode.Usage);
    }

    /// <summary>Threads of this process: of those asked for, or of the processors, its share among the ranks of its host.</summary>
    private int Threads(ParseResult call, RankEnvironment? rank)
    {
        int threads = call.GetValue(_threads);
        if (threads is < 0 or > 1024)
        {
            throw new UserErrorException($"--threads {threads} is out of range; it takes 0 (all cores) to 1024.", ExitCode.Usage);
        }

        int ranks = rank?.LocalWorldSize ?? 1;
        if (threads > 0 || ranks == 1)
        {
            return threads == 0 ? 0 : Math.Max(1, threads / ranks);
        }

        // Who was bound to some of the processors by its launcher has its share already.
        bool isBound = OperatingSystem.IsLinux() && ThreadAffinity.Current.Count < ThreadAffinity.Online;
        return isBound ? 0 : Math.Max(1, Environment.ProcessorCount / ranks);
    }

    // A launcher that shows every process its own GPU alone leaves one to be seen.
    private static int Ordinal(RankEnvironment? rank) => rank is null || CudaDriver.DeviceCount == 1 ? 0 : rank.LocalRank;

    private static DataType StorageOf(Precision precision) => precision switch
    {
        Precision.Fp16 => DataType.Float16,
        Precision.Bf16 => DataType.BFloat16,
        _ => DataType.Float32,
    };

    private CudaOperations OpenSimulated(ParseResult call, DataType storage, GpuOptions options, bool keepsReports)
    {
        int architecture = Choice.Of(call.GetValue(_architecture)!, "--arch", ("sm_70", 70), ("sm_80", 80), ("sm_90", 90));

        // The kernels are held to every check by the tests; a run of them wants what speed there is.
        var simulator = new SimulatorOptions
        {
            Checks = SimulatorChecks.None,
            KeepReports = keepsReports,
            HostThreads = options.HostThreads == 0 ? Environment.ProcessorCount : options.HostThreads,
        };
        GpuDeviceProperties gpu = SimulatedGpus.ByArchitecture(architecture);
        GpuOperations.RequirePrecision(gpu, storage, options.RoundsToTf32);
        return GpuOperations.Simulated(
            new SimulatedDriver(gpu, simulator), storage, options, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
    }
}
