using System;
using GptEngine.Perf.CpuOperations;
using GptEngine.Perf.Gemm;
using GptEngine.Perf.Tokenization;

namespace GptEngine.Perf;

internal static class Program
{
    private static int Main(string[] args)
    {
        switch (args)
        {
            case ["tokenizer", .. string[] rest]:
                return TokenizerBenchmark.Run(rest);
            case ["gemm", .. string[] rest]:
                return GemmBenchmark.Run(rest);
            case ["cpu-operations", .. string[] rest]:
                return CpuOperationsBenchmark.Run(rest);
            default:
                Console.Error.WriteLine("Name a benchmark: tokenizer, gemm, cpu-operations.");
                return 2;
        }
    }
}
