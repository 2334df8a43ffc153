using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using GptEngine.Engine.Configuration;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Perf.Step;

/// <summary>
/// What a step of training should take on a GPU, by models: <c>gpt-perf step [GPU...] [PRESET...]</c>. Its launches are the engine's own.
/// </summary>
internal static class StepReport
{
    private static readonly string[] Presets = ["gpt-89m", "gpt-304m", "gpt-1b"];

    internal static int Run(string[] arguments)
    {
        try
        {
            var cache = new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder);
            GpuDeviceProperties[] gpus = [.. SimulatedGpus.All.Where(gpu => arguments.Any(gpu.Name.EndsWith))];
            string[] presets = [.. Presets.Where(arguments.Contains)];
            foreach (GpuDeviceProperties gpu in gpus.Length > 0 ? gpus : SimulatedGpus.All)
            {
                foreach (string preset in presets.Length > 0 ? presets : Presets)
                {
                    Account(preset, gpu, cache);
                }
            }

            return 0;
        }
        catch (UserErrorException error)
        {
            Console.Error.WriteLine($"gpt-perf: {error.Message}");
            return (int)error.ExitCode;
        }
    }

    private static void Account(string preset, GpuDeviceProperties gpu, CompileCache cache)
    {
        DataType storage = gpu.Architecture == 70 ? DataType.Float16 : DataType.BFloat16;
        RunConfiguration configuration = Load(preset);
        Console.WriteLine($"\n{gpu.Name}, {preset}, {storage.ShortName()}: a model, no measurement. Milliseconds a micro-step\n");
        Console.WriteLine("| epilogues | launches | products | attention | memory-bound | gaps | all | products and attention | MFU |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        StepAccount plain = StepAccount.Of(StepRehearsal.Of(configuration, storage, gpu, fusesEpilogues: false, cache), gpu, cache);
        Line("kernels", plain, gpu);
        Line("in the products", StepAccount.Of(StepRehearsal.Of(configuration, storage, gpu, fusesEpilogues: true, cache), gpu, cache), gpu);
        Console.WriteLine("\n| kernel | times | blocks | warps an SM | waves | KiB in flight an SM | floor µs | µs | of copies | what limits |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        foreach ((MemoryPrediction kernel, double count) in plain.Kernels.OrderByDescending(pair => pair.Prediction.Seconds * pair.Count))
        {
            string[] cells =
            [
                $"`{kernel.Kernel.Kernel}`", Text($"{count:0.##}"), $"{kernel.Kernel.Grid}", $"{kernel.ResidentWarps}", Text($"{kernel.Waves:0.0}"),
                Text($"{kernel.LoadsInFlight / 1024.0:0}"), Micro(kernel.FloorSeconds), Micro(kernel.Seconds), Text($"{kernel.Share:P0}"), kernel.Limit,
            ];
            Console.WriteLine($"| {string.Join(" | ", cells)} |");
        }
    }

    private static void Line(string name, StepAccount account, GpuDeviceProperties gpu)
    {
        double[] parts = [account.Products, account.Attention, account.MemoryBound, account.Gaps, account.Seconds];
        double utilisation = account.Flops / account.Seconds / gpu.TensorThroughput;
        Console.WriteLine($"| {name} | {Text($"{account.Launches:0}")} | {string.Join(" | ", parts.Select(part => Text($"{1e3 * part:0.00}")))} | {Text($"{account.Share:P0}")} | {Text($"{utilisation:P1}")} |");
    }

    private static string Micro(double seconds) => Text($"{1e6 * seconds:0.0}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static RunConfiguration Load(string preset)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Presets/{preset}.json")!;
        using var reader = new StreamReader(stream);
        return new ConfigurationLayers().AddJson(reader.ReadToEnd(), $"preset {preset}").Build();
    }
}
