using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using GptEngine.Gpt.CommandLine;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Launching;

namespace GptEngine.Gpt.Launching;

/// <summary>What the built-in launcher is to start for a call: GPUs, processors near them, arguments.</summary>
internal static class RankLaunchPlan
{
    private const string VisibleVariable = "CUDA_VISIBLE_DEVICES";

    /// <param name="call">The call of <c>gpt train</c>.</param>
    /// <param name="device">Its device and GPUs.</param>
    /// <param name="ranks">Its restarts.</param>
    /// <param name="runFolder">The run's folder, for all ranks.</param>
    /// <param name="isRestarted">Whether this process itself has been started again after a failure.</param>
    /// <exception cref="UserErrorException">The GPUs asked for are not there.</exception>
    public static RankLaunch Of(ParseResult call, DeviceOptions device, RankOptions ranks, string runFolder, bool isRestarted) =>
        Of(call, device, runFolder, Arguments(call, runFolder)) with
        {
            MaxRestarts = ranks.MaxRestarts(call),
            IsRestarted = isRestarted,
        };

    /// <summary>For a command that leaves no run: its ranks end with it.</summary>
    /// <param name="call">The call, whose arguments all ranks get as they are.</param>
    /// <param name="device">Its device and GPUs.</param>
    /// <param name="folder">Where the ranks' output is kept.</param>
    /// <exception cref="UserErrorException">The GPUs asked for are not there.</exception>
    public static RankLaunch Of(ParseResult call, DeviceOptions device, string folder) =>
        Of(call, device, folder, [.. call.Tokens.Select(token => token.Value)]);

    private static RankLaunch Of(ParseResult call, DeviceOptions device, string runFolder, IReadOnlyList<string> arguments)
    {
        IReadOnlyList<int> gpus = device.GpuNumbers(call);
        string kind = device.Kind(call);
        if (kind == "cpu" && device.IsAutomatic(call) && gpus.Count > 1)
        {
            throw new UserErrorException(
                $"--gpus {device.Gpus(call)} asks for GPUs, and the driver shows none; 'gpt doctor' says what is missing. " +
                "With --device cpu, ranks share the processors.",
                ExitCode.MissingDependency);
        }

        return new RankLaunch
        {
            Program = RankLaunch.OwnProgram,
            Arguments = arguments,
            RunFolder = runFolder,
            Processors = kind == "cuda" ? NearGpus(gpus) : Shares(gpus.Count),
            Variables = kind == "cuda"
                ? new() { [VisibleVariable] = VisibleGpus.Choose(Environment.GetEnvironmentVariable(VisibleVariable), gpus) }
                : new Dictionary<string, string>(),
        };
    }

    // Those of the call as they are, and the folder, which each rank would name by its own clock.
    private static IReadOnlyList<string> Arguments(ParseResult call, string runFolder)
    {
        string[] given = [.. call.Tokens.Select(token => token.Value)];
        return given.Contains("--run") ? given : [.. given, "--run", runFolder];
    }

    private static IReadOnlyList<IReadOnlyList<int>> Shares(int count)
    {
        IReadOnlyList<int> all = ProcessorCores.InOrder(Allowed);
        return [.. Enumerable.Range(0, count).Select(rank => CpuList.Share(all, rank, count))];
    }

    /// <summary>For each GPU its part of the processors of its memory node, by rank; of all processors where the machine does not say.</summary>
    private static IReadOnlyList<IReadOnlyList<int>> NearGpus(IReadOnlyList<int> gpus)
    {
        int count = CudaDriver.DeviceCount;
        if (gpus.Max() >= count)
        {
            throw new UserErrorException(
                count == 0
                    ? $"--gpus asks for GPUs, and the driver finds none ({CudaDriver.Find().Reason}). Check nvidia-smi and {VisibleVariable}."
                    : $"--gpus asks for GPU {gpus.Max()}, and the driver shows {count}, counted from 0. Check nvidia-smi and {VisibleVariable}.",
                ExitCode.MissingDependency);
        }

        IReadOnlyList<int> allowed = Allowed;
        return GpuLocality.Share([.. gpus.Select(gpu => GpuLocality.Processors(CudaDriver.BusId(gpu)))], allowed);
    }

    private static IReadOnlyList<int> Allowed =>
        OperatingSystem.IsLinux() ? ThreadAffinity.Current : [.. Enumerable.Range(0, Environment.ProcessorCount)];
}
