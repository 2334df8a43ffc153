using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using GptEngine.Engine.Tokenization;
using GptEngine.Engine.Training;

namespace GptEngine.Engine.Runs;

/// <summary>Keeps a run's folder up to date as the run goes: metrics, log, samples, and the plot.</summary>
public sealed class RunRecorder : ITrainingObserver, IDisposable
{
    private static readonly TimeSpan PlotPeriod = TimeSpan.FromSeconds(15);

    private readonly RunFolder _folder;
    private readonly string _title;
    private readonly ITokenizer _tokenizer;
    private readonly string _prompt;
    private readonly StreamWriter _log;
    private TrainingPlot _plot = new();
    private MetricsFile? _metrics;
    private long _plotted = Stopwatch.GetTimestamp();
    private long _lastStep;
    private long _lastTokens;
    private double _tokensPerSecond;

    /// <param name="folder">Where to.</param>
    /// <param name="title">What the plot calls the run.</param>
    /// <param name="tokenizer">Decodes samples.</param>
    /// <param name="prompt">What samples go on from.</param>
    public RunRecorder(RunFolder folder, string title, ITokenizer tokenizer, string prompt)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = folder;
        _title = title;
        _tokenizer = tokenizer;
        _prompt = prompt;
        _log = new StreamWriter(new FileStream(folder.Log, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
    }

    public void OnOpening(OpeningBlock opening)
    {
        ArgumentNullException.ThrowIfNull(opening);
        Open(opening.StepInit);
        foreach ((string name, string value) in opening.Lines())
        {
            Log($"{name} = {value}");
        }
    }

    public void OnStep(in StepReport report)
    {
        if (report.Step <= _lastStep)
        {
            // The run has gone back to a checkpoint: what it writes again must not stand twice.
            Open(report.Step - 1);
        }

        _metrics!.WriteStep(
            report.Step, report.Tokens, report.Loss, report.LearningRate, report.GradNorm, report.TokensPerSecond,
            report.Mfu > 0 ? report.Mfu : double.NaN, report.Seconds);
        _plot.AddStep(report.Step, report.Loss, report.LearningRate);
        (_lastStep, _lastTokens, _tokensPerSecond) = (report.Step, report.Tokens, report.TokensPerSecond);
        if (Stopwatch.GetElapsedTime(_plotted) > PlotPeriod)
        {
            WritePlot();
        }
    }

    public void OnEvaluation(in EvaluationReport report)
    {
        _metrics!.WriteEvaluation(report.Step, report.Loss, report.Perplexity);
        _plot.AddEvaluation(report.Step, report.Loss, report.Perplexity);
        Log(string.Create(CultureInfo.InvariantCulture, $"step {report.Step}: validation loss {report.Loss:0.0000}, perplexity {report.Perplexity:0.00}"));
    }

    public void OnSample(long step, IReadOnlyList<int> tokens)
    {
        string text = _tokenizer.DecodeText([.. tokens]);
        File.AppendAllText(_folder.Samples, $"--- step {step.ToString(CultureInfo.InvariantCulture)} ---\n{_prompt}{text}\n\n");
    }

    public void OnCheckpoint(long step, string folder)
    {
        Log($"step {step.ToString(CultureInfo.InvariantCulture)}: checkpoint {folder}");
        WritePlot();
    }

    public void OnNote(string message) => Log(message);

    public void OnWarning(string message) => Log("warning: " + message);

    public void Dispose()
    {
        if (_metrics is not null)
        {
            WritePlot();
            _metrics.Dispose();
        }

        _log.Dispose();
    }

    private void Open(long lastStep)
    {
        _metrics?.Dispose();
        _plot = new TrainingPlot();
        _metrics = MetricsFile.Open(_folder.Metrics, lastStep, line =>
        {
            if (line.IsEvaluation)
            {
                _plot.AddEvaluation(line.Step, line.Loss, line.Perplexity);
            }
            else
            {
                _plot.AddStep(line.Step, line.Loss, line.LearningRate);
            }
        });
        _lastStep = lastStep;
    }

    private void WritePlot()
    {
        _plotted = Stopwatch.GetTimestamp();
        RunFolder.Replace(_folder.Plot, _plot.Draw(_title, string.Create(
            CultureInfo.InvariantCulture, $"step {_lastStep:N0}, {_lastTokens:N0} tokens, {_tokensPerSecond:N0} tokens/s")));
    }

    private void Log(string message) =>
        _log.WriteLine($"{DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} {message}");
}
