using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using GptEngine.Engine.Tokenization;
using GptEngine.Engine.Training;

namespace GptEngine.Gpt.Terminal;

/// <summary>What a person sees of a run: the opening block, a live line on a terminal or a line a step elsewhere, evaluations, samples.</summary>
/// <param name="steps">Of the run.</param>
/// <param name="tokenizer">Decodes samples.</param>
/// <param name="prompt">What samples go on from.</param>
/// <param name="output">For what goes well.</param>
/// <param name="warnings">For warnings.</param>
internal sealed class TrainingConsole(long steps, ITokenizer tokenizer, string prompt, TextWriter output, TextWriter warnings) : ITrainingObserver, IDisposable
{
    // Over about this many steps the shown throughput is averaged.
    private const double AveragedSteps = 20;

    private readonly StatusLine _line = new(output);
    private double _secondsPerStep;
    private double _tokensPerSecond;
    private bool _hasStepped;

    public void OnOpening(OpeningBlock opening)
    {
        foreach ((string name, string value) in opening.Lines())
        {
            output.WriteLine($"{name,-20} {value}");
        }
    }

    public void OnStep(in StepReport report)
    {
        double weight = _hasStepped ? 1 / AveragedSteps : 1;
        _secondsPerStep += (report.Seconds - _secondsPerStep) * weight;
        _tokensPerSecond += (report.TokensPerSecond - _tokensPerSecond) * weight;
        _hasStepped = true;
        StepReport copy = report;
        if (_line.IsTerminal)
        {
            _line.Show(() => Describe(copy));
        }

        if (!_line.IsTerminal || report.Step == steps)
        {
            _line.Clear();
            output.WriteLine(Describe(copy));
        }
    }

    /// <summary>Whether a line is a step's, as this prints it where there is no terminal: for who shows it on one.</summary>
    /// <param name="line">Some line of a run.</param>
    /// <param name="isLast">Whether it is that of the run's last step.</param>
    public static bool IsStep(string line, out bool isLast)
    {
        isLast = false;
        if (!line.StartsWith("step ", StringComparison.Ordinal) || line.IndexOf("  loss ", StringComparison.Ordinal) is not (> 0 and var end))
        {
            return false;
        }

        string[] numbers = line[5..end].Split('/');
        isLast = numbers.Length == 2 && numbers[0] == numbers[1];
        return numbers.Length == 2 && Array.TrueForAll(numbers, number => long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _));
    }

    public void OnEvaluation(in EvaluationReport report)
    {
        _line.Clear();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"step {report.Step}  validation loss {report.Loss:0.0000}  perplexity {report.Perplexity:0.00}"));
    }

    public void OnSample(long step, IReadOnlyList<int> tokens)
    {
        _line.Clear();
        output.WriteLine($"step {step.ToString(CultureInfo.InvariantCulture)}  sample: {Printable.Of(prompt + tokenizer.DecodeText([.. tokens]))}");
    }

    public void OnCheckpoint(long step, string folder)
    {
        _line.Clear();
        output.WriteLine($"step {step.ToString(CultureInfo.InvariantCulture)}  checkpoint {folder}");
    }

    public void OnNote(string message)
    {
        _line.Clear();
        output.WriteLine(message);
    }

    public void OnWarning(string message)
    {
        _line.Clear();
        warnings.WriteLine($"warning: {message}");
    }

    public void Dispose() => _line.Dispose();

    private string Describe(in StepReport report)
    {
        string mfu = report.Mfu > 0 ? string.Create(CultureInfo.InvariantCulture, $"  mfu {report.Mfu:P1}") : "";
        string left = StatusLine.Duration(TimeSpan.FromSeconds(Math.Min(1e9, _secondsPerStep * Math.Max(0, steps - report.Step))));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"step {report.Step}/{steps}  loss {report.Loss:0.0000}  lr {report.LearningRate:0.00e-0}  grad_norm {report.GradNorm:0.000}  {_tokensPerSecond:N0} tokens/s{mfu}  {left} left{(report.IsApplied ? "" : "  (not applied)")}");
    }
}
