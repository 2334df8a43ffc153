using System;
using System.CommandLine;
using System.Globalization;
using System.IO;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt prepare</c>: text to token streams.</summary>
internal static class PrepareCommandLine
{
    public static Command Create()
    {
        Option<string[]> inputs = new("--input")
        {
            Description = "Files (.txt .md .jsonl, each also .gz or .zst; .xml reference documentation), folders of them, or - for standard input",
            HelpName = "PATH",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        Option<string> output = new("--out") { Description = "The folder that the token streams go to", HelpName = "DIR", Required = true };
        Option<string> tokenizer = TokenizeCommandLine.CreateTokenizerOption();
        Option<string> format = new("--format") { Description = "Form of the streams: raw, npy or llmc", HelpName = "NAME", DefaultValueFactory = _ => "raw" };
        Option<double> fraction = new("--val-fraction")
        {
            Description = "Share of documents, chosen by hash, that goes to val.bin; 0 writes none",
            HelpName = "F",
            DefaultValueFactory = _ => 0.01,
        };
        Option<int> workers = new("--workers") { Description = "Encoding threads", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };
        Option<bool> strict = new("--strict") { Description = "Make a broken record an error instead of counting it" };
        Option<string> standardInput = new("--stdin-format")
        {
            Description = "What standard input holds: text or jsonl",
            HelpName = "NAME",
            DefaultValueFactory = _ => "text",
        };
        var command = new Command("prepare", "Turns text into token streams.") { inputs, output, tokenizer, format, fraction, workers, strict, standardInput };
        command.SetAction(call => Run(
            new PrepareOptions
            {
                Inputs = call.GetValue(inputs)!,
                OutputDirectory = call.GetValue(output)!,
                Tokenizer = call.GetValue(tokenizer)!,
                Format = Choice.Of(call.GetValue(format)!, "--format", ("raw", TokenStreamFormat.Raw), ("npy", TokenStreamFormat.Npy), ("llmc", TokenStreamFormat.Llmc)),
                ValidationFraction = call.GetValue(fraction),
                Workers = call.GetValue(workers),
                Strict = call.GetValue(strict),
                StandardInputFormat = Choice.Of(
                    call.GetValue(standardInput)!, "--stdin-format", ("text", InputFormat.Text), ("jsonl", InputFormat.JsonLines)),
            }));
        return command;
    }

    private static int Run(PrepareOptions options)
    {
        using var interruption = new Interruption("Stopping; nothing partial is left");
        using Stream standardInput = Console.OpenStandardInput();
        PrepareResult result;
        using (var line = new StatusLine(Console.Error))
        {
            result = PrepareCommand.Run(options, standardInput, progress => line.Show(() => Describe(progress)), interruption.Token);
        }

        foreach (string broken in result.Broken)
        {
            Console.Error.WriteLine($"left out: {broken}");
        }

        CultureInfo culture = CultureInfo.InvariantCulture;
        if (result.Dataset.BrokenRecords > 0)
        {
            Console.Error.WriteLine(string.Create(culture, $"{result.Dataset.BrokenRecords:N0} broken records were left out; --strict makes them an error."));
        }

        Console.WriteLine(string.Create(culture,
            $"{options.OutputDirectory}: {result.Dataset.Tokens:N0} tokens of {result.Dataset.Documents:N0} documents, {result.TextBytes / 1e6:N1} MB of text " +
            $"in {result.Elapsed.TotalSeconds:N1} s ({result.TextBytes / 1e6 / result.Elapsed.TotalSeconds:N1} MB/s)"));
        return (int)ExitCode.Success;
    }

    private static string Describe(PrepareProgress progress)
    {
        string counts = string.Create(CultureInfo.InvariantCulture,
            $"{progress.MegabytesPerSecond,6:N1} MB/s  {progress.Documents:N0} documents  {progress.Tokens:N0} tokens");
        return progress.Left is { } left
            ? $"{StatusLine.Bar((double)progress.BytesDone / progress.BytesTotal)}  {counts}  {StatusLine.Duration(left)} left"
            : counts;
    }
}
