using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>The options of <c>gpt bench</c> that say what is swept, how long, and where the results go.</summary>
internal sealed class BenchOptions
{
    private const int LargestSweep = 64;

    private readonly Option<string?> _microBatch = new("--micro-batch") { Description = "Sequences of a micro-step (training.micro_batch), or several to measure each", HelpName = "N,..." };
    private readonly Option<string?> _context = new("--context-length") { Description = "Tokens of a sequence (model.context_length), or several", HelpName = "N,..." };
    private readonly Option<string?> _precision = new("--precision") { Description = "fp32, tf32, fp16 or bf16 (training.precision), or several", HelpName = "NAME,..." };
    private readonly Option<int?> _microSteps = new("--micro-steps") { Description = "Micro-steps of an optimizer step; by default those of the configuration, but no more than 16", HelpName = "N" };
    private readonly Option<int> _steps = new("--steps") { Description = "Measured steps of a row, at most", HelpName = "N", DefaultValueFactory = _ => 20 };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Steps before them", HelpName = "N", DefaultValueFactory = _ => 3 };
    private readonly Option<double> _seconds = new("--max-seconds") { Description = "No step of a row is begun after this, once three are measured", HelpName = "S", DefaultValueFactory = _ => 60 };
    private readonly Option<int> _documents = new("--document-length") { Description = "Mean length of the synthetic documents in tokens; 0 for one without end", HelpName = "N", DefaultValueFactory = _ => 512 };
    private readonly Option<string?> _data = new("--data") { Description = "Train on this prepared folder and not on synthetic tokens", HelpName = "DIR" };
    private readonly Option<string?> _peaks = new("--peaks") { Description = "A table of GPUs' data-sheet rates, over the program's own", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "Write a JSON object a row to this file, or to standard output (-)", HelpName = "FILE|-" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_microBatch, _context, _precision, _microSteps, _steps, _warmup, _seconds, _documents, _data, _peaks, _json])
        {
            command.Options.Add(option);
        }
    }

    public string? Peaks(ParseResult call) => call.GetValue(_peaks);

    public string? Data(ParseResult call) => call.GetValue(_data);

    /// <summary>null is for people alone; <c>-</c> standard output.</summary>
    public string? Json(ParseResult call) => call.GetValue(_json);

    /// <summary>null is the configuration's own.</summary>
    public IEnumerable<int?> MicroBatches(ParseResult call) =>
        call.GetValue(_microBatch) is { } text ? Numbers(_microBatch.Name, text, 1 << 20).Cast<int?>() : [null];

    public IEnumerable<int> Contexts(ParseResult call, int configured) =>
        call.GetValue(_context) is { } text ? Numbers(_context.Name, text, 1 << 20) : [configured];

    /// <summary>Whether <c>--precision</c> was given.</summary>
    public bool HasPrecisions(ParseResult call) => call.GetValue(_precision) is not null;

    public IEnumerable<Precision> Precisions(ParseResult call, Precision configured) => call.GetValue(_precision) is { } text
        ? Parts(_precision.Name, text).Select(part => Choice.Of(
            part, _precision.Name, ("fp32", Precision.Fp32), ("tf32", Precision.Tf32), ("fp16", Precision.Fp16), ("bf16", Precision.Bf16)))
        : [configured];

    /// <summary>null is the configuration's own.</summary>
    public int? MicroSteps(ParseResult call) => call.GetValue(_microSteps) is { } given ? InRange(_microSteps.Name, given, 1, 1 << 20) : null;

    public BenchCase Case(ParseResult call, RunConfiguration configuration) => new(
        configuration,
        InRange(_steps.Name, call.GetValue(_steps), 1, 1 << 20),
        InRange(_warmup.Name, call.GetValue(_warmup), 0, 1 << 20),
        call.GetValue(_seconds) is var seconds && seconds > 0 ? seconds
            : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{_seconds.Name} {seconds}: give a number above 0."), ExitCode.Usage),
        InRange(_documents.Name, call.GetValue(_documents), 0, 1 << 30));

    public BenchOutput OpenOutput(ParseResult call, bool isHardware) => new(call.GetValue(_json), isHardware);

    private static int InRange(string option, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{option} {value}: it takes {least} to {most}."), ExitCode.Usage);

    private static IEnumerable<int> Numbers(string option, string text, int most) => Parts(option, text).Select(part =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? InRange(option, value, 1, most)
            : throw new UserErrorException($"{option} {text}: '{part}' is no number; write numbers with commas between, as in 8,16.", ExitCode.Usage));

    private static string[] Parts(string option, string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        return parts.Length <= LargestSweep
            ? parts
            : throw new UserErrorException($"{option} has {parts.Length} values; a sweep takes at most {LargestSweep} of each.", ExitCode.Usage);
    }
}
