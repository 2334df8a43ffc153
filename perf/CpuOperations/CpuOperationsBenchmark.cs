using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Devices;

namespace GptEngine.Perf.CpuOperations;

/// <summary>
/// Times every operation of a training step on the CPU device against its floor: the matrix rate or the copy bandwidth, both measured in the
/// same run. At the end, what a step of the whole model takes as the sum of its operations, against its matrix products alone.
/// </summary>
internal static class CpuOperationsBenchmark
{
    private static readonly ModelShape[] Models =
    [
        new("d128", 8, 128, 128, 4, 4, 50257),
        new("d256", 8, 256, 256, 8, 6, 50257),
        new("gpt-89m", 2, 256, 512, 8, 12, 50257),
    ];

    /// <param name="args">Names of models (all if none), <c>--threads N</c>, <c>--isa NAME</c>, <c>--seconds S</c> for each operation.</param>
    public static int Run(string[] args)
    {
        int threads = 0;
        double seconds = 0.3;
        CpuIsa isa = CpuFeatures.BestIsa;
        var names = new List<string>();
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--threads": threads = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
                case "--isa": isa = Enum.Parse<CpuIsa>(args[++i], ignoreCase: true); break;
                case "--seconds": seconds = double.Parse(args[++i], CultureInfo.InvariantCulture); break;
                default: names.Add(args[i]); break;
            }
        }

        using var device = new CpuDevice(threads, isa);
        var floor = Floor.Measure(device, seconds);
        Console.WriteLine($"{device.Name}: GEMM {floor.Flops / 1e9:F0} GFLOP/s, copy {floor.BytesPerSecond / 1e9:F1} GB/s (read + written)");
        foreach (ModelShape model in Models.Where(m => names.Count == 0 || names.Contains(m.Name)))
        {
            using var operations = new ModelOperations(device, model, seconds);
            Report(model, [.. operations.Time()], floor);
        }

        return 0;
    }

    private static void Report(ModelShape model, OperationTiming[] timings, Floor floor)
    {
        Console.WriteLine();
        Console.WriteLine($"{model.Name}: B={model.Batch} T={model.Time} C={model.Channels} H={model.Heads} L={model.Layers} V={model.Vocabulary}");
        Console.WriteLine($"  {"operation",-28}{"ms",9}{"rate",16}{"floor",8}{"a step",8}{"ms",9}{"share",7}");
        double total = timings.Sum(t => t.Seconds * t.PerStep);
        foreach (OperationTiming t in timings)
        {
            string rate = t.Flops > 0 ? $"{t.Flops / t.Seconds / 1e9:F0} GFLOP/s" : $"{t.Bytes / t.Seconds / 1e9:F1} GB/s";
            double floorShare = t.Flops > 0 ? t.Flops / t.Seconds / floor.Flops : t.Bytes / t.Seconds / floor.BytesPerSecond;
            Console.WriteLine(
                $"  {t.Name,-28}{t.Seconds * 1e3,9:F3}{rate,16}{floorShare,8:P0}{t.PerStep,8:F0}{t.Seconds * t.PerStep * 1e3,9:F2}{t.Seconds * t.PerStep / total,7:P1}");
        }

        double ceiling = model.MatrixFlops / floor.Flops;
        Console.WriteLine(
            $"  step {total * 1e3:F1} ms, {model.Rows / total:F0} tokens/s; matrix products alone {ceiling * 1e3:F1} ms, {model.Rows / ceiling:F0} tokens/s: {ceiling / total:P0} of the ceiling");
    }
}
