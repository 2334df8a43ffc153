using System;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Gpt.CommandLine;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
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
        var command = new Command("doctor", "Says what was found of GPU, driver and libraries, and what to do about what is missing; with a preset, its memory plan.");
        configuration.AddTo(command);
        device.AddTo(command);
        command.SetAction(call =>
        {
            if (configuration.AnyGiven(call))
            {
                PrintPlan(configuration.Layers(call).Build(), device.RankCount(call));
            }
            else
            {
                PrintMachine();
            }

            return (int)ExitCode.Success;
        });
        return command;
    }

    private static void PrintMachine()
    {
        using var cpu = new CpuDevice();
        Print("program", $"gpt {typeof(DoctorCommandLine).Assembly.GetName().Version?.ToString(3)}, .NET {Environment.Version}");
        Print("processor", cpu.Name);
        Print("memory", string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibibyte:0.0} GiB"));
        foreach (NativeLibraryName library in NativeLibraryName.All)
        {
            NativeLibraryOpening opening = NativeLibraries.TryOpen(library);
            string reason = opening.Failures.Count > 0 ? $"cannot be opened ({opening.Failures[0]})" : "missing";
            Print(library.ImportName, opening.IsOpen ? $"{NativeVersion.Of(opening) ?? "version unknown"}, {opening.Path}" : $"{reason}. {library.Remedy}");
        }

        Print("nvtx", NvtxListener.Description);
    }

    /// <summary>What a rank's device memory would be spent on. Nothing is taken.</summary>
    private static void PrintPlan(RunConfiguration configuration, int ranks)
    {
        ModelConfiguration model = configuration.Model;
        BatchPlan batch = BatchPlan.Resolve(configuration.Training, model.ContextLength, ranks);
        using var device = new CpuDevice();
        IOperations operations = CpuOperations.Create(device);
        var memory = new TrainingMemory(model, operations, batch.MicroBatch, ActivationPolicy.KeepAll, configuration.Training.SampleEvery > 0);
        (operations as IDisposable)?.Dispose();
        CultureInfo culture = CultureInfo.InvariantCulture;
        Print("parameters", string.Create(culture, $"{memory.Parameters.Catalogue.ParameterCount:N0}"));
        Print("ranks", string.Create(culture, $"{ranks}, each with a micro-batch of {batch.MicroBatch} × {batch.ContextLength} tokens"));
        Print("step", string.Create(culture, $"{batch.AccBatchSize:N0} tokens in {batch.MicroSteps} micro-steps of {batch.BatchJump:N0}"));
        Print("planned for", $"{operations.Storage.ShortName()} activations, everything kept for the backward pass");
        Console.WriteLine();
        Console.WriteLine($"{"category",-14}{"GiB a rank",12}  largest");
        foreach (MemoryCategory category in Enum.GetValues<MemoryCategory>())
        {
            (Tensor Tensor, MemoryCategory Category, long OffsetBytes, long Bytes) largest = memory.Plan.Placements.Where(p => p.Category == category).MaxBy(p => p.Bytes);
            Console.WriteLine(string.Create(
                culture,
                $"{category.ToString().ToLowerInvariant(),-14}{memory.Plan.BytesOf(category) / Gibibyte,12:0.000}  {largest.Tensor?.Name} {largest.Bytes / Gibibyte:0.000}"));
        }

        Console.WriteLine(string.Create(culture, $"{"total",-14}{memory.Plan.TotalBytes / Gibibyte,12:0.000}"));
    }

    private static void Print(string name, string value) => Console.WriteLine($"{name,-14}{value}");
}
