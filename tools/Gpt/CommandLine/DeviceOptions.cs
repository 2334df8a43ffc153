using System;
using System.CommandLine;
using System.Globalization;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Devices;
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

    private readonly Option<string?> _gpus = new("--gpus") { Description = "How many ranks, or the GPUs by number (0,1,2)", HelpName = "N|LIST" };

    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of the CPU device; 0 for all cores",
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

    /// <summary>Opens the device asked for.</summary>
    /// <param name="call">The call.</param>
    /// <param name="precision">What a GPU computes in; the CPU has fp32 alone.</param>
    /// <param name="keepsReports">Whether a simulated GPU keeps the counters of every launch.</param>
    /// <param name="usesGraphs">Whether a GPU replays a step as graphs; a profile wants each launch.</param>
    /// <exception cref="UserErrorException">There is no such device, or this machine lacks it.</exception>
    public OpenDevice Open(ParseResult call, Precision precision = Precision.Fp32, bool keepsReports = false, bool usesGraphs = true)
    {
        string kind = Choice.Of(call.GetValue(_device)!, "--device", ("auto", "auto"), ("cpu", "cpu"), ("cuda", "cuda"), ("sim", "sim"));
        int threads = call.GetValue(_threads);
        if (threads is < 0 or > 1024)
        {
            throw new UserErrorException($"--threads {threads} is out of range; it takes 0 (all cores) to 1024.", ExitCode.Usage);
        }

        if (RankCount(call) != 1)
        {
            throw new UserErrorException(
                $"--gpus {call.GetValue(_gpus)}: more than one rank is not part of this build yet; leave the option out.", ExitCode.MissingDependency);
        }

        if (kind == "auto")
        {
            kind = CudaDriver.DeviceCount > 0 ? "cuda" : "cpu";
        }

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
            HostThreads = threads,
        };
        CudaOperations operations = kind == "cuda"
            ? GpuOperations.Real(0, StorageOf(precision), options, new NvrtcCompiler())
            : OpenSimulated(call, StorageOf(precision), options, keepsReports);
        return new OpenDevice(operations.Device, operations);
    }

    /// <summary>Whether time on the device asked for says something: not on a simulated GPU.</summary>
    public bool IsHardware(ParseResult call) => call.GetValue(_device) != "sim";

    /// <summary>How many ranks <c>--gpus</c> asks for; 1 without it.</summary>
    public int RankCount(ParseResult call)
    {
        if (call.GetValue(_gpus) is not { } text)
        {
            return 1;
        }

        string[] parts = text.Split(',');
        bool allNumbers = Array.TrueForAll(parts, part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        int count = allNumbers && parts.Length == 1 ? int.Parse(text, CultureInfo.InvariantCulture) : parts.Length;
        return allNumbers && count is >= 1 and <= 4096
            ? count
            : throw new UserErrorException($"--gpus {text}: give a number from 1 up, or a list as in 0,1,2.", ExitCode.Usage);
    }

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
        return GpuOperations.Simulated(
            new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), simulator), storage, options,
            new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
    }
}
