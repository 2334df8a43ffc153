using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Samples;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Perf.Attention;

/// <summary>
/// Attention's kernels counted on simulated GPUs, and what the counts say: cycles that each pipe of a multiprocessor needs for one head of one
/// sequence. The longest is the least that the kernel can take. <c>gpt-perf attention [GPU...]</c>.
/// </summary>
internal static class AttentionModel
{
    private const int SectorBytes = 32;

    /// <summary>Of the approximate functions' unit, lanes a cycle.</summary>
    private const double SpecialLanes = 16;

    /// <summary>mma.sync on Hopper reaches about this part of wgmma's rate, which the data sheet's is.</summary>
    private const double SynchronousShare = 0.63;

    private static readonly AttentionShape[] Shapes = [new(1, 128, 1, 96), new(1, 256, 1, 64), new(1, 1024, 1, 64), new(1, 1024, 1, 128)];

    internal static int Run(string[] arguments)
    {
        var cache = new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder);
        foreach (GpuDeviceProperties gpu in SimulatedGpus.All.Where(gpu => arguments.Length == 0 || arguments.Any(gpu.Name.EndsWith)))
        {
            Console.WriteLine($"\n{gpu.Name}, sm_{gpu.Architecture}: thousands of cycles a head of a sequence, one document\n");
            Console.WriteLine("| shape | kernel | warps an SM | tensor | shared | special | float | issue | L2 | DRAM | barriers |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
            foreach (AttentionShape shape in Shapes)
            {
                Measure(gpu, gpu.Architecture == 70 ? DataType.Float16 : DataType.BFloat16, shape, cache);
            }
        }

        return 0;
    }

    private static void Measure(GpuDeviceProperties gpu, DataType type, AttentionShape shape, CompileCache cache)
    {
        using var driver = new SimulatedDriver(gpu, new SimulatorOptions { Checks = SimulatorChecks.None, KeepReports = true, HostThreads = 1 });
        using GpuStream stream = driver.CreateStream();
        using var bench = new SampleBench(new KernelQueue(driver, stream, cache, ImageFormat.Ptx));
        AttentionLauncher launcher = bench.Closing(new AttentionLauncher(bench.Queue, type, shape.HeadSize));
        AttentionSamples.BothPasses(bench, launcher, type, shape, bench.Integers("documentStart", _ => 0, shape.Batch, shape.Time));
        Dictionary<string, KernelReportRow> resources = KernelReport
            .Compile(cache, KernelCatalogue.All.Where(kernel => driver.Launches.Any(launch => launch.Module == kernel.NameExpression)), [ComputeCapability.FromNumber(gpu.Architecture)])
            .ToDictionary(row => row.Kernel.NameExpression);
        foreach (LaunchReport launch in driver.Launches)
        {
            int threads = launch.Shape.Block.X * launch.Shape.Block.Y;
            string warps = resources.TryGetValue(launch.Module, out KernelReportRow? row) ? $"{row.ResidentBlocks * threads / 32}" : "?";
            Console.WriteLine($"| T {shape.Time} D {shape.HeadSize} | `{launch.Module}` | {warps} | {Cycles(launch.Counters, gpu, Passes(launch.Module) * 2 * shape.Rows * shape.Channels)} |");
        }
    }

    /// <summary>
    /// (T, D) arrays of 16 bits that a kernel must read or write: q, k, v, o; those, gradO and three gradients; or, in two passes, those, gradO
    /// and gradQ, and q, k, v, gradO, gradK, gradV.
    /// </summary>
    private static int Passes(string kernel) =>
        kernel.StartsWith("attention_forward", StringComparison.Ordinal) ? 4
        : kernel.StartsWith("attention_backward_short", StringComparison.Ordinal) || kernel.StartsWith("attention_backward_whole", StringComparison.Ordinal) ? 8
        : 6;

    private static string Cycles(LaunchCounters counters, GpuDeviceProperties gpu, double leastBytes)
    {
        (double tensorRate, double floatLanes) = gpu.Architecture switch
        {
            70 => (1024, 64),
            80 => (2048, 64),
            _ => (4096 * SynchronousShare, 128.0), // of mma.sync; wgmma has all of it
        };
        double clock = gpu.TensorThroughput / gpu.MultiprocessorCount / gpu.Architecture switch { 70 => 1024, 80 => 2048, _ => 4096 };

        // A warp-instruction of mma.m8n8k4 is four of the machine's. Moves are mostly the compiler's bookkeeping.
        double issued = counters.WarpInstructions - counters.WarpInstructionsOf(InstructionClass.Move)
            + (gpu.Architecture == 70 ? 3 * counters.WarpInstructionsOf(InstructionClass.Tensor) : 0);
        double sectors = SectorBytes * (counters.GlobalLoadSectors + counters.GlobalStoreSectors);
        double[] cycles =
        [
            ((counters.TensorOperations - counters.WarpgroupOperations) / tensorRate) + (counters.WarpgroupOperations / 4096.0),
            counters.SharedWavefronts,
            counters.WarpInstructionsOf(InstructionClass.SpecialFunction) * 32 / SpecialLanes,
            counters.WarpInstructionsOf(InstructionClass.Float32) * 32 / floatLanes,
            issued / 4,
            sectors / 32, // each multiprocessor takes some 32 bytes a cycle from the second cache
            leastBytes / (gpu.MemoryBandwidth / gpu.MultiprocessorCount / clock),
        ];
        return string.Join(" | ", cycles.Select(value => (value / 1000).ToString("0.0", CultureInfo.InvariantCulture)))
            + string.Create(CultureInfo.InvariantCulture, $" | {counters.Barriers}");
    }
}
