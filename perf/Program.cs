using System;
using GptEngine.Perf.Gemm;

namespace GptEngine.Perf;

internal static class Program
{
    private static int Main(string[] args)
    {
        string[] rest = args.Length == 0 ? [] : args[1..];
        switch (args.Length == 0 ? "" : args[0])
        {
            case "gemm": return GemmBenchmark.Run(rest);
            default:
                Console.Error.WriteLine("Usage: gpt-perf gemm");
                return 2;
        }
    }
}
