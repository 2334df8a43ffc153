using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Evaluation;
using GptEngine.Engine.Generation;
using GptEngine.Engine.Model;
using GptEngine.Engine.Optimization;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Engine.Training;

/// <summary>
/// A training run from its first step, or from a checkpoint, to its last: steps, and at their intervals evaluations, samples and
/// checkpoints. Who wants to see any of it listens (<see cref="ITrainingObserver"/>).
/// </summary>
public sealed class TrainingSession : IDisposable
{
    // A checkpoint that diverges this often, on other data each time, is itself beyond repair.
    private const int MostRollbacks = 3;

    private readonly RunConfiguration _configuration;
    private readonly TrainingConfiguration _training;
    private readonly IOperations _operations;
    private readonly TrainingSessionOptions _options;
    private readonly ObserverList _observer;
    private readonly RankAgreement _ranks;
    private readonly SlowRanks _slowRanks = new();
    private readonly ChosenKernels _kernels;
    private readonly BatchPlan _batch;
    private readonly LearningRateSchedule _schedule;
    private readonly TrainingData _data;
    private readonly Trainer _trainer;
    private readonly RunCheckpoints? _checkpoints;
    private readonly double _flopsPerToken;
    private MicroBatchFeed _feed;
    private RunPosition _enqueued;
    private RunPosition _reported;
    private int _badSteps;
    private int _rollbacks;
    private long _rolledBackTo = -1;
    private bool _checkpointDue;
    private long _stopAfter = long.MaxValue;
    private long _lastReport;

    private TrainingSession(RunConfiguration configuration, IOperations operations, TrainingSessionOptions options)
    {
        _configuration = configuration;
        _training = configuration.Training;
        _operations = operations;
        _options = options;
        _observer = new ObserverList(options.Observers);
        _kernels = new ChosenKernels(operations, _observer);
        _ranks = new RankAgreement(options.Group);
        _batch = BatchPlan.Resolve(_training, configuration.Model.ContextLength, _ranks.WorldSize);
        _schedule = LearningRateSchedule.From(configuration.Optimizer);
        _flopsPerToken = ModelFlops.PerToken(configuration.Model);
        _data = new TrainingData(configuration, _batch, options);
        try
        {
            _trainer = new Trainer(configuration, _batch, operations, options.Group);
            if (_trainer.Kept.Note is { } note)
            {
                _observer.OnNote(note);
            }
        }
        catch
        {
            _data.Dispose();
            throw;
        }

        try
        {
            _checkpoints = options.RunFolder is { } folder
                ? new RunCheckpoints(folder, configuration, operations, _trainer, _observer, _batch.AccBatchSize, _ranks)
                : null;
            _kernels.TellDifferences(_ranks);
            Start();
            _feed = CreateFeed();
        }
        catch
        {
            _checkpoints?.Dispose();
            _trainer.Dispose();
            _data.Dispose();
            throw;
        }
    }

    /// <summary>Steps done.</summary>
    public long Step => _reported.Step;

    /// <summary>The plan of all device memory, for the memory table.</summary>
    public TrainingMemory Memory => _trainer.Memory;

    /// <summary>Checks the configuration, takes memory, opens data, and loads or makes the weights.</summary>
    /// <exception cref="UserErrorException">Something is wrong with the configuration, the data, the checkpoint or the machine.</exception>
    public static TrainingSession Create(RunConfiguration configuration, IOperations operations, TrainingSessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return EndingAll(options.Group, () =>
        {
            TrainingLimits.Check(configuration, operations);
            if (options.SamplePrompt is { } prompt)
            {
                Generator.CheckPrompt([.. prompt], configuration.Model.VocabSize);
            }

            return new TrainingSession(configuration, operations, options);
        });
    }

    /// <summary>
    /// Trains until all steps are done or <paramref name="stop"/> asks to stop, which finishes the step and writes a checkpoint. In a run of
    /// ranks it is enough that one of them is asked; all stop after the same step.
    /// </summary>
    /// <exception cref="UserErrorException">The run diverged, the data has a bad token, a checkpoint cannot be written, or another rank is gone.</exception>
    public TrainingOutcome Run(CancellationToken stop = default) => EndingAll(_options.Group, () => Train(stop));

    private TrainingOutcome Train(CancellationToken stop)
    {
        _observer.OnOpening(Opening());
        _kernels.Tell();
        _lastReport = Stopwatch.GetTimestamp();
        while (_enqueued.Step < _training.Steps && !IsStopping(stop))
        {
            _options.Group?.Collectives.ThrowIfFailed();
            EnqueueStep(stop);
            while (_trainer.Pending > StepsAhead)
            {
                Report();
            }

            AtInterval();
            if (_enqueued.Step == _training.Steps || IsStopping(stop))
            {
                // Reporting may roll back, and then there are steps to do again.
                Drain();
            }
        }

        WriteCheckpoint(isLast: true);
        Say("waiting for the last checkpoint to be whole", _enqueued.Step);
        _checkpoints?.Conclude();
        return _enqueued.Step < _training.Steps ? TrainingOutcome.Interrupted : TrainingOutcome.Completed;
    }

    // What ends one rank ends all: the others must not wait for it until their patience runs out.
    private static T EndingAll<T>(RankGroup? group, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception failure) when (group is not null)
        {
            group.Control.Fail(failure.Message);
            group.Collectives.Abort(failure.Message);
            throw;
        }
    }

    // Steps enqueued beyond the one whose results are waited for.
    private int StepsAhead => _operations.Device.IsAsynchronous ? 1 : 0;

    // Ranks must do the same steps: they go by what came back with a step's results, wherever each of them stands by then.
    private bool IsStopping(CancellationToken stop) => _options.Group is null ? stop.IsCancellationRequested : _enqueued.Step >= _stopAfter;

    public void Dispose()
    {
        _checkpoints?.Dispose();
        _feed.Dispose();
        _trainer.Dispose();
        _data.Dispose();
    }

    private void Start()
    {
        if (_options.Resume)
        {
            RunCheckpoints checkpoints = _checkpoints
                ?? throw new UserErrorException("There is no run folder to resume from. Name one with --run.", ExitCode.Usage);
            if (checkpoints.Resume(_options.ResumeFrom) is { } resumed)
            {
                (_enqueued, _badSteps) = resumed;
                _reported = _enqueued;
                return;
            }

            _observer.OnNote("There is no checkpoint yet: starting from the beginning.");
        }
        else
        {
            _checkpoints?.RequireEmpty(_options.RunFolder!);
        }

        _trainer.Initialise(_options.InitFolder, _ranks);
    }

    private MicroBatchFeed CreateFeed() => new(
        _operations.Device, _trainer.Memory.Batch, _data.Sampler, _enqueued.Window, Math.Max(0, _training.Steps - _enqueued.Step));

    // What the others are told when they wait for this rank.
    private void Say(string activity, long step) => _options.Group?.Control.Report(activity, step);

    private void EnqueueStep(CancellationToken stop)
    {
        Say("giving it to the device", _enqueued.Step + 1);
        _trainer.Enqueue(_enqueued.Step, (float)_schedule.At(_enqueued.Tokens), _feed, stop.IsCancellationRequested, _checkpoints?.IsShareWritten ?? false);
        _enqueued = _enqueued.Next(_batch.AccBatchSize);
    }

    private void Report()
    {
        Say("waiting for its results", _reported.Step + 1);
        StepResult result = _trainer.ReadResult();
        float learningRate = (float)_schedule.At(_reported.Tokens);
        _reported = _reported.Next(_batch.AccBatchSize);
        if (result.StopRequested)
        {
            _stopAfter = Math.Min(_stopAfter, _reported.Step + StepsAhead);
        }

        _checkpoints?.Attend(result.SharesWritten);
        if (_ranks.IsFirst && _slowRanks.Add(_trainer.OwnSeconds) is { } slow)
        {
            _observer.OnWarning(slow);
        }

        long now = Stopwatch.GetTimestamp();
        double seconds = Stopwatch.GetElapsedTime(_lastReport, now).TotalSeconds;
        _lastReport = now;
        double tokensPerSecond = _batch.AccBatchSize / seconds;
        double mfu = _options.PeakFlops > 0 ? tokensPerSecond * _flopsPerToken / _options.PeakFlops : 0;
        _observer.OnStep(new StepReport(
            _reported.Step, _reported.Tokens, result.Loss, learningRate, result.GradientNorm, tokensPerSecond, mfu, seconds, result.IsFinite));
        if (result.IsFinite)
        {
            _badSteps = 0;
            return;
        }

        _badSteps++;
        _observer.OnWarning(
            $"Step {_reported.Step}: the loss is {result.Loss} and the gradient norm {result.GradientNorm}; the weights were left as they are " +
            $"({_badSteps} of {_training.MaxBadSteps} bad steps in a row).");
        if (_badSteps >= _training.MaxBadSteps)
        {
            Diverged();
        }
    }

    private void Diverged()
    {
        _checkpoints?.Conclude();
        string message =
            $"The run diverged: {_badSteps} steps in a row up to step {_reported.Step} had no finite loss and gradient norm. " +
            $"The last good checkpoint is {_checkpoints?.LatestName ?? "none"}";
        if (_training.OnDivergence == DivergenceAction.Stop || _checkpoints is null)
        {
            throw new UserErrorException($"{message}; resume from it with a lower optimizer.learning_rate.");
        }

        // Steps already under way ran on the weights that are about to be replaced.
        while (_trainer.Pending > 0)
        {
            _trainer.ReadResult();
        }

        long window = _enqueued.Window;
        RunPosition position = _checkpoints.Reload()
            ?? throw new UserErrorException($"{message}: there is nothing to roll back to. Lower optimizer.learning_rate and start again.");
        _rollbacks = position.Step == _rolledBackTo ? _rollbacks + 1 : 1;
        _rolledBackTo = position.Step;
        if (_rollbacks > MostRollbacks)
        {
            throw new UserErrorException($"{message}, and {MostRollbacks} rollbacks to it did not help. Lower optimizer.learning_rate.");
        }

        // The same data would end the same way: go on behind it.
        _enqueued = _reported = position with { Window = window };
        _stopAfter = _stopAfter == long.MaxValue ? long.MaxValue : position.Step;
        _badSteps = 0;
        _checkpointDue = false;
        _feed.Dispose();
        _feed = CreateFeed();
        _observer.OnWarning($"{message}; rolled back to it, going on with data window {window}.");
        _lastReport = Stopwatch.GetTimestamp();
    }

    private void AtInterval()
    {
        long step = _enqueued.Step;
        bool evaluates = _data.Validation is not null && IsDue(step, _training.EvalEvery);
        bool samples = _options.SamplePrompt is not null && IsDue(step, _training.SampleEvery);
        _checkpointDue |= _checkpoints is not null && IsDue(step, _training.CheckpointEvery);
        if (!evaluates && !samples && !_checkpointDue)
        {
            return;
        }

        Drain();
        if (_enqueued.Step != step)
        {
            return;
        }

        if (evaluates || samples)
        {
            _trainer.CompleteWeights();
        }

        if (evaluates)
        {
            Say("evaluating behind it", step);
            EvaluationResult result = _trainer.Loss.Measure(_data.Validation!, EvaluationWindows, _data.DocumentToken, _ranks);
            _observer.OnEvaluation(new EvaluationReport(step, result.Loss, result.Perplexity));
        }

        if (samples && _ranks.IsFirst)
        {
            Say("generating text behind it", step);
            Sample(step);
        }

        _kernels.Tell();

        // In a streak of bad steps the weights are suspect: the checkpoint waits for its end.
        if (_checkpointDue && _badSteps == 0)
        {
            WriteCheckpoint(isLast: step == _training.Steps);
        }

        _lastReport = Stopwatch.GetTimestamp();
    }

    // Of the two sizes that a configuration may give, each is the same for any number of ranks.
    private long EvaluationWindows => (long)_training.EvalBatches * (_training.BatchSize ?? _batch.MicroBatch);

    private void Sample(long step)
    {
        var tokens = new List<int>(_options.SampleTokens);
        var options = new GenerationOptions
        {
            MaxTokens = _options.SampleTokens,
            Seed = _training.Seed,
            DocumentToken = _configuration.Data.DocumentToken,
            VocabularySize = _options.SampleVocabulary,
        };
        _trainer.Generator.Generate([.. _options.SamplePrompt!], options, tokens.Add);
        _observer.OnSample(step, tokens);
    }

    private void WriteCheckpoint(bool isLast)
    {
        _checkpointDue = false;
        if (_checkpoints is not null && _checkpoints.BegunStep != _enqueued.Step)
        {
            Say("copying its checkpoint aside", _enqueued.Step);
            _checkpoints.Begin(_enqueued, _badSteps, isLast);
        }
    }

    private void Drain()
    {
        while (_trainer.Pending > 0)
        {
            Report();
        }
    }

    private OpeningBlock Opening() => new()
    {
        Tokenizer = _configuration.Data.Tokenizer.ToString().ToLowerInvariant(),
        VisibleDevices = _operations.Device.Name,
        NumParams = _trainer.Memory.Parameters.Catalogue.ParameterCount,
        WorldSize = _batch.WorldSize,
        BatchSize = _batch.BatchSize,
        ContextLength = _batch.ContextLength,
        BatchJump = _batch.BatchJump,
        X0 = _configuration.Optimizer.X0,
        X1 = _configuration.Optimizer.X1,
        Clip = _configuration.Optimizer.Clip,
        AccBatchSize = _batch.AccBatchSize,
        NumChunkedBatches = _batch.MicroSteps,
        StepInit = _enqueued.Step,
        NumTokensInit = _enqueued.Tokens,
        QInit = _enqueued.Window,
    };

    private static bool IsDue(long step, int every) => every > 0 && step % every == 0;
}
