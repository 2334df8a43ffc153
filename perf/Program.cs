using System;
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
            default:
                Console.Error.WriteLine("Name a benchmark: tokenizer.");
                return 2;
        }
    }
}
