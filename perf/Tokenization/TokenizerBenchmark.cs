using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Perf.Tokenization;

/// <summary>
/// MB/s of the tokenizers on one core. Usage: <c>tokenizer FILE [REPEATS]</c>; FILE is any UTF-8 text. Prints the time to load GPT-2's
/// vocabulary, the rate on the text, and the rate on one endless word of 10 thousand and of 1 million letters.
/// </summary>
internal static class TokenizerBenchmark
{
    public static int Run(string[] args)
    {
        if (args.Length == 0)
        {
            Console.Error.WriteLine("Name a UTF-8 text file: gpt-perf tokenizer FILE [REPEATS].");
            return 2;
        }

        byte[] text = File.ReadAllBytes(args[0]);
        int repeats = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
        Stopwatch watch = Stopwatch.StartNew();
        ITokenizer gpt2 = new Gpt2Tokenizer();
        int[] first = gpt2.Encode("Hello, world!");
        Console.WriteLine($"load and first {first.Length} tokens  {watch.Elapsed.TotalMilliseconds,9:F1} ms");
        foreach (ITokenizer tokenizer in (ITokenizer[])[gpt2, new ByteTokenizer()])
        {
            Report($"{tokenizer.Name} on {Path.GetFileName(args[0])}", tokenizer, text, repeats);
        }

        foreach (int letters in (int[])[10_000, 1_000_000])
        {
            Report($"gpt2 on one word of {letters} letters", gpt2, RandomWord(letters), repeats);
        }

        return 0;
    }

    private static void Report(string what, ITokenizer tokenizer, byte[] text, int repeats)
    {
        TokenBuffer output = new(text.Length);
        double best = double.MaxValue;
        double total = 0;
        for (int i = 0; i < repeats; i++)
        {
            // A new encoder each time: the cache starts cold, as in a program that has just started.
            ITokenEncoder encoder = tokenizer.CreateEncoder();
            output.Clear();
            long start = Stopwatch.GetTimestamp();
            encoder.Encode(text, output);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            best = Math.Min(best, seconds);
            total += seconds;
        }

        double megabytes = text.Length / 1e6;
        Console.WriteLine(
            $"{what,-40} {megabytes,9:F2} MB {output.Count,10} tokens   best {megabytes / best,7:F1} MB/s   mean {megabytes * repeats / total,7:F1} MB/s");
    }

    private static byte[] RandomWord(int letters) =>
        Encoding.ASCII.GetBytes(new Random(1).GetString("abcdefghijklmnopqrstuvwxyz", letters));
}
