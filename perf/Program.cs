using System;
using GptEngine.Perf.Gemm;
using GptEngine.Perf.Tokenization;

namespace GptEngine.Perf;

internal static class Program
{
    private static int Main(string[] args)
    {
        string[] rest = args.Length == 0 ? [] : args[1..];
        switch (args.Length == 0 ? "" : args[0])
        {
            case "gemm":
                return GemmBenchmark.Run(rest);
            case "tokenizer":
                return TokenizerBenchmark.Run(rest);
            default:
                Console.Error.WriteLine("Name a benchmark: gemm, tokenizer.");
                return 2;
        }
    }
}
