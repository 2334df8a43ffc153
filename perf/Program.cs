using System;
using System.Collections.Generic;
using GptEngine.Perf.Attention;
using GptEngine.Perf.CpuOperations;
using GptEngine.Perf.Gemm;
using GptEngine.Perf.MachineCode;
using GptEngine.Perf.Simulator;
using GptEngine.Perf.Step;
using GptEngine.Perf.Tokenization;

namespace GptEngine.Perf;

/// <summary>The benchmarks by name.</summary>
internal static class Program
{
    private static readonly SortedDictionary<string, Func<string[], int>> Benchmarks = new(StringComparer.Ordinal)
    {
        ["attention"] = AttentionModel.Run,
        ["cpu"] = CpuOperationsBenchmark.Run,
        ["gemm"] = GemmBenchmark.Run,
        ["machine-code"] = MachineCodeReport.Run,
        ["step"] = StepReport.Run,
        ["simulator"] = SimulatorBenchmark.Run,
        ["prepare"] = PrepareBenchmark.Run,
        ["tokenizer"] = TokenizerBenchmark.Run,
    };

    private static int Main(string[] args)
    {
        if (args.Length > 0 && Benchmarks.TryGetValue(args[0], out Func<string[], int>? run))
        {
            return run(args[1..]);
        }

        Console.Error.WriteLine($"Name a benchmark: {string.Join(", ", Benchmarks.Keys)}.");
        return 2;
    }
}
