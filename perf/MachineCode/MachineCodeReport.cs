using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// What the machine code says of kernels' speed. <c>gpt-perf machine-code attention [GPU...] [TxD...]</c>: times by simulation of the
/// schedule, on V100, A100 and H200, at lengths and head sizes like 256x64, as chosen there, and with small blocks where those are others; <c>gpt-perf machine-code KERNEL [sm_NN]</c>: its loops.
/// </summary>
internal static class MachineCodeReport
{
    private static readonly AttentionShape[] Shapes =
        [new(1, 128, 1, 96), new(1, 256, 1, 64), new(1, 1024, 1, 64), new(1, 2048, 1, 64), new(1, 1024, 1, 128), new(1, 2048, 1, 128)];

    internal static int Run(string[] arguments)
    {
        try
        {
            var cache = new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder);
            switch (arguments)
            {
                case ["attention", .. string[] names]:
                    Attention(names, cache);
                    return 0;
                case [string kernel]:
                    Loops(kernel, ComputeCapability.FromNumber(70), cache);
                    return 0;
                case [string kernel, string target]:
                    Loops(kernel, ComputeCapability.Parse(target), cache);
                    return 0;
                default:
                    throw new UserErrorException("Name a kernel as `gpt kernels list` does, or attention.", ExitCode.Usage);
            }
        }
        catch (UserErrorException error)
        {
            Console.Error.WriteLine($"gpt-perf: {error.Message}");
            return (int)error.ExitCode;
        }
    }

    private static void Attention(string[] names, CompileCache cache)
    {
        GpuDeviceProperties[] gpus = [.. SimulatedGpus.All.Where(gpu => names.Any(gpu.Name.EndsWith))];
        AttentionShape[] shapes = [.. names.Where(name => name.Contains('x', StringComparison.Ordinal)).Select(ShapeOf)];
        foreach (GpuDeviceProperties gpu in gpus.Length > 0 ? gpus : SimulatedGpus.All)
        {
            Console.WriteLine($"\n{gpu.Name}, sm_{gpu.Architecture}: thousands of cycles a head of a sequence, one document\n");
            Console.WriteLine("| shape | kernel | warps an SM | simulated | tensor | issue | shared | special | DRAM | TFLOP/s | waits |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
            foreach (AttentionShape shape in shapes.Length > 0 ? shapes : Shapes)
            {
                Attention(gpu, shape, cache);
            }
        }
    }

    private static AttentionShape ShapeOf(string name)
    {
        string[] sizes = name.Split('x');
        return int.TryParse(sizes[0], out int time) && int.TryParse(sizes[^1], out int headSize) && sizes.Length == 2 && time > 0
            ? new AttentionShape(1, time, 1, headSize)
            : throw new UserErrorException($"'{name}' is no length and head size. Name them as in 256x64.", ExitCode.Usage);
    }

    private static void Attention(GpuDeviceProperties gpu, AttentionShape shape, CompileCache cache)
    {
        DataType type = gpu.Architecture == 70 ? DataType.Float16 : DataType.BFloat16;
        AttentionPass[][] chosen = AttentionPass.Launches(type, shape, gpu, AttentionVariants.All[^1]);
        AttentionPass[][] small = AttentionPass.Launches(type, shape, gpu, AttentionVariant.SmallBlocks);
        AttentionPrediction[] parts = [.. chosen.Select(passes => Predict(passes, shape, gpu, cache))];
        Print(parts[..1], shape, $"{AttentionPrediction.Rate(parts[..1], shape, 2, gpu):F0}");
        if (chosen[0][0].Kernel != small[0][0].Kernel)
        {
            AttentionPrediction other = Predict(small[0], shape, gpu, cache);
            Print([other], shape, $"small blocks: {AttentionPrediction.Rate([other], shape, 2, gpu):F0}");
        }

        Print(parts[1..], shape, $"{AttentionPrediction.Rate(parts[1..], shape, 5, gpu):F0}");
        if (chosen[^1][0].Kernel != small[^1][0].Kernel)
        {
            // By queries both are the same.
            AttentionPrediction other = Predict(small[^1], shape, gpu, cache);
            Print([other], shape, $"small blocks: {AttentionPrediction.Rate([.. parts[1..^1], other], shape, 5, gpu):F0}");
        }
    }

    private static AttentionPrediction Predict(AttentionPass[] passes, AttentionShape shape, GpuDeviceProperties gpu, CompileCache cache) =>
        AttentionPrediction.Of(CompiledKernel.Of(passes[0].Kernel, ComputeCapability.FromNumber(gpu.Architecture), cache), passes, shape, gpu);

    private static void Print(AttentionPrediction[] parts, AttentionShape shape, string rate)
    {
        foreach (AttentionPrediction part in parts)
        {
            double[] cycles = [part.Cycles, part.TensorCycles, part.IssueCycles, part.SharedCycles, part.SpecialCycles, part.MemoryCycles];
            string waits = string.Join(' ', part.Waits.Where(wait => wait.Value >= 0.01).Select(wait => $"{wait.Key.ToString().ToLowerInvariant()} {100 * wait.Value:F0}%"));
            Console.WriteLine($"| T {shape.Time} D {shape.HeadSize} | `{part.Pass.Kernel}` | {part.ResidentWarps} | {string.Join(" | ", cycles.Select(InThousands))} | {(part == parts[^1] ? rate : "")} | {waits} |");
        }
    }

    private static void Loops(string name, ComputeCapability target, CompileCache cache)
    {
        CompiledKernel kernel = CompiledKernel.Of(KernelCommands.Find(name), target, cache);
        Pipe[] pipes = Enum.GetValues<Pipe>();
        Console.WriteLine($"`{kernel.Kernel}`, {target.RealName}: {kernel.Graph.Code.Length} instructions, {kernel.Resources.Registers} registers, {kernel.ResidentWarps} warps an SM\n");
        Console.WriteLine($"| from | instructions | stalls | {string.Join(" | ", pipes.Select(pipe => pipe.ToString().ToLowerInvariant()))} | most |");
        Console.WriteLine($"|---|---|---|{string.Concat(pipes.Select(_ => "---|"))}---|");
        foreach (MachineLoop loop in kernel.Graph.Loops)
        {
            MachineInstruction[] body = [.. kernel.Graph.Code.Skip(loop.First).Take(loop.Count)];
            IEnumerable<string> counts = pipes.Select(pipe => $"{body.Count(i => MachineModel.PipeOf(i) == pipe)}");
            string most = string.Join(' ', body.CountBy(i => i.Name).OrderByDescending(pair => pair.Value).Take(8).Select(pair => $"{pair.Key}:{pair.Value}"));
            Console.WriteLine($"| {body[0].Address:x4} | {loop.Count} | {body.Sum(i => i.Control.Stall)} | {string.Join(" | ", counts)} | {most} |");
        }

        BytesInFlight flight = BytesInFlight.Of(kernel);
        Console.WriteLine($"\nLoads under way at a time: {flight.PerWarp} bytes a warp, {flight.PerMultiprocessor} bytes an SM");
    }

    private static string InThousands(double cycles) => (cycles / 1000).ToString("0.0", CultureInfo.InvariantCulture);
}
