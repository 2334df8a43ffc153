using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>What <c>gpt bench</c> and <c>gpt profile</c> train: batch, context, precision and tokens, over a configuration.</summary>
/// <param name="mostMicroSteps">Micro-steps of a step unless told, if the configuration has as many.</param>
/// <param name="warmup">Steps before the measured ones unless told.</param>
internal sealed class WorkloadOptions(int mostMicroSteps, int warmup)
{
    private const int LargestSweep = 64;

    private readonly ConfigurationOptions _configuration = new();
    private readonly Option<string?> _microBatch = new("--micro-batch") { Description = "Sequences of a micro-step (training.micro_batch); gpt bench takes several", HelpName = "N,..." };
    private readonly Option<string?> _context = new("--context-length") { Description = "Tokens of a sequence (model.context_length), or several", HelpName = "N,..." };
    private readonly Option<string?> _precision = new("--precision") { Description = "fp32, tf32, fp16 or bf16 (training.precision), or several", HelpName = "NAME,..." };
    private readonly Option<int> _documents = new("--document-length") { Description = "Mean length of the synthetic documents in tokens; 0 for one without end", HelpName = "N", DefaultValueFactory = _ => 512 };
    private readonly Option<string?> _data = new("--data") { Description = "Train on this prepared folder and not on synthetic tokens", HelpName = "DIR" };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Steps before what is measured", HelpName = "N", DefaultValueFactory = _ => warmup };
    private readonly Option<int?> _microSteps = new("--micro-steps")
    {
        Description = $"Micro-steps of an optimizer step; by default those of the configuration, but no more than {mostMicroSteps}",
        HelpName = "N",
    };

    public void AddTo(Command command)
    {
        _configuration.AddTo(command);
        foreach (Option option in (Option[])[_microBatch, _context, _precision, _microSteps, _warmup, _documents, _data])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The preset's name; null for none.</summary>
    public string? Preset(ParseResult call) => _configuration.Preset(call);

    /// <summary>Whether a configuration was given.</summary>
    public bool AnyGiven(ParseResult call) => _configuration.AnyGiven(call);

    /// <summary>The configuration as it is, without the options over it.</summary>
    public RunConfiguration Configuration(ParseResult call) => _configuration.Layers(call).Build();

    /// <summary>Whether <c>--precision</c> was given.</summary>
    public bool HasPrecisions(ParseResult call) => call.GetValue(_precision) is not null;

    /// <summary>Those asked for, or <paramref name="configured"/>.</summary>
    public IEnumerable<Precision> Precisions(ParseResult call, Precision configured) => call.GetValue(_precision) is { } text
        ? Parts(_precision.Name, text).Select(part => Choice.Of(
            part, _precision.Name, ("fp32", Precision.Fp32), ("tf32", Precision.Tf32), ("fp16", Precision.Fp16), ("bf16", Precision.Bf16))).Distinct()
        : [configured];

    /// <summary>Every combination asked for, grouped by precision.</summary>
    /// <param name="call">The call.</param>
    /// <param name="steps">Measured steps of each.</param>
    /// <param name="maxSeconds">Of each.</param>
    /// <param name="worldSize">Ranks that train each together.</param>
    /// <exception cref="UserErrorException">Usage.</exception>
    public IReadOnlyList<BenchCase> Cases(ParseResult call, int steps, double maxSeconds, int worldSize)
    {
        if (!_configuration.AnyGiven(call))
        {
            throw new UserErrorException(
                $"Say what to measure: --preset NAME or --config FILE. 'gpt {call.CommandResult.Command.Name} --help' lists the presets.", ExitCode.Usage);
        }

        RunConfiguration configuration = _configuration.Layers(call).Build();
        if (call.GetValue(_data) is { } data)
        {
            configuration = configuration with { Data = configuration.Data with { Path = data } };
        }

        int before = InRange(_warmup.Name, call.GetValue(_warmup), 0, 1 << 20);
        int documents = InRange(_documents.Name, call.GetValue(_documents), 0, 1 << 30);
        var cases = new List<BenchCase>();
        foreach (Precision precision in Precisions(call, configuration.Training.Precision))
        {
            foreach (int context in Contexts(call, configuration.Model.ContextLength))
            {
                cases.AddRange(MicroBatches(call).Select(microBatch => new BenchCase(
                    Row(call, configuration, precision, context, microBatch, worldSize), steps, before, maxSeconds, documents)
                {
                    WorldSize = worldSize,
                }));
            }
        }

        return cases;
    }

    /// <summary>A number of an option, checked.</summary>
    public static int InRange(string option, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{option} {value}: it takes {least} to {most}."), ExitCode.Usage);

    private RunConfiguration Row(ParseResult call, RunConfiguration configuration, Precision precision, int context, int? microBatch, int worldSize)
    {
        TrainingConfiguration training = configuration.Training with { Precision = precision };
        if (microBatch is { } given)
        {
            training = training with { MicroBatch = given, BatchSize = null };
        }

        // The accumulated batch is set below; here only the micro-batch is asked for.
        BatchPlan one = BatchPlan.Resolve(training with { AccBatchSize = null }, context, worldSize);
        long configured = Math.Max(1, (training.AccBatchSize ?? one.BatchJump) / one.BatchJump);
        long steps = call.GetValue(_microSteps) is { } microSteps ? InRange(_microSteps.Name, microSteps, 1, 1 << 20) : Math.Min(mostMicroSteps, configured);
        RunConfiguration row = configuration with
        {
            Model = configuration.Model with { ContextLength = context },
            Training = training with { AccBatchSize = steps * one.BatchJump },
        };
        ConfigurationValidator.Check(row);
        return row;
    }

    // null is the configuration's own.
    private IEnumerable<int?> MicroBatches(ParseResult call) =>
        call.GetValue(_microBatch) is { } text ? Numbers(_microBatch.Name, text, 1 << 20).Cast<int?>() : [null];

    private IEnumerable<int> Contexts(ParseResult call, int configured) =>
        call.GetValue(_context) is { } text ? Numbers(_context.Name, text, 1 << 20) : [configured];

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
