using System;
using System.IO;
using System.Globalization;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Data.Preparation;

namespace GptEngine.Perf.Tokenization;

/// <summary>
/// MB/s of <c>gpt prepare</c>, all of it: reading, encoding, hashing and writing. Usage: <c>prepare WORKERS INPUT...</c>; the dataset goes
/// into a temporary folder and is deleted.
/// </summary>
internal static class PrepareBenchmark
{
    public static int Run(string[] args)
    {
        if (args.Length < 2)
        {
            Console.Error.WriteLine("Name the number of workers and inputs: gpt-perf prepare WORKERS INPUT...");
            return 2;
        }

        string output = Directory.CreateTempSubdirectory("gpt-perf-").FullName;
        try
        {
            PrepareOptions options = new()
            {
                Inputs = [.. args.Skip(1)],
                OutputDirectory = output,
                Workers = int.Parse(args[0], CultureInfo.InvariantCulture),
            };
            PrepareResult result = PrepareCommand.Run(options, Stream.Null, progress: null, CancellationToken.None);
            double megabytes = result.TextBytes / 1e6;
            Console.WriteLine(
                $"prepare, {options.Workers} workers  {megabytes,9:F2} MB text  {result.Dataset.Documents} documents  " +
                $"{result.Dataset.Tokens} tokens  {result.Elapsed.TotalSeconds:F3} s  {megabytes / result.Elapsed.TotalSeconds:F1} MB/s  " +
                $"peak {Environment.WorkingSet >> 20} MiB working set");
        }
        finally
        {
            Directory.Delete(output, recursive: true);
        }

        return 0;
    }
}
