using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Gpt.CommandLine;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Nvtx;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt doctor</c>: what this machine has and lacks, and what a configuration would take of its memory.</summary>
internal static class DoctorCommandLine
{
    private const double Gibibyte = 1L << 30;

    public static Command Create()
    {
        var configuration = new ConfigurationOptions();
        var device = new DeviceOptions();
        var command = new Command("doctor", "Says what was found of GPU, driver and libraries, and what to do about what is missing; with a preset, its memory plan, and with --gpus N alone, what the presets take on each of N GPUs.");
        configuration.AddTo(command);
        device.AddTo(command);
        command.SetAction(call =>
        {
            if (configuration.AnyGiven(call))
            {
                MemoryPlanPrinter.Print(configuration.Layers(call).Build(), device.RankCount(call));
                return (int)ExitCode.Success;
            }

            PrintMachine();
            bool areKernelsRight = PrintKernels(GpuFindings.Choices(), Console.Out);
            if (device.RankCount(call) is > 1 and var ranks)
            {
                MemoryPlanPrinter.PrintPresets(ranks);
            }

            return (int)(areKernelsRight ? ExitCode.Success : ExitCode.Failed);
        });
        return command;
    }

    /// <summary>What was measured to be the fastest, a line a shape, and what is wrong on a GPU.</summary>
    /// <returns>Whether nothing is.</returns>
    internal static bool PrintKernels(IReadOnlyList<KernelChoice> choices, TextWriter output)
    {
        foreach (KernelChoice choice in choices)
        {
            output.WriteLine($"{"kernels",-14}{choice}");
        }

        if (!choices.Any(choice => choice.HasFault))
        {
            return true;
        }

        output.WriteLine(
            $"{"kernels",-14}What is LEFT OUT is wrong on this GPU, or was never seen to end, and does not run. Please report its line, with what "
            + $"'gpt selftest --filter Attention --all' prints. It is tried again once {MeasuredFile.DefaultFolder} is deleted.");
        return false;
    }

    private static void PrintMachine()
    {
        using var cpu = new CpuDevice();
        Print("program", $"gpt {typeof(DoctorCommandLine).Assembly.GetName().Version?.ToString(3)}, .NET {Environment.Version}");
        Print("processor", cpu.Name);
        Print("memory", string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibibyte:0.0} GiB"));
        if (CudaDriver.Find().Gpus is { Count: > 0 } gpus)
        {
            GpuLibraries.OpenFor(gpus.Min(gpu => gpu.Architecture));
        }

        foreach (NativeLibraryName library in NativeLibraryName.All)
        {
            NativeLibraryOpening opening = NativeLibraries.TryOpen(library);
            Print(library.ImportName, opening.IsOpen ? $"{NativeVersion.Of(opening) ?? "version unknown"}, {opening.Path}" : opening.Problem);
        }

        Print("nvtx", NvtxListener.Description);
        foreach ((string name, string finding) in GpuFindings.All())
        {
            Print(name, finding);
        }
    }

    private static void Print(string name, string value) => Console.WriteLine($"{name,-14}{value}");
}
