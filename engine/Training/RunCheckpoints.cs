using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;

namespace GptEngine.Engine.Training;

/// <summary>A run's checkpoints: which one to go on from, and writing the next.</summary>
internal sealed class RunCheckpoints : IDisposable
{
    private const long NoCheckpoint = -1;

    private readonly RunConfiguration _configuration;
    private readonly IOperations _operations;
    private readonly Trainer _trainer;
    private readonly ITrainingObserver _observer;
    private readonly long _windowTokens;
    private readonly RankAgreement _ranks;
    private readonly CheckpointStore _store;
    private readonly CheckpointWriter _writer;
    private bool _isTold = true;

    public RunCheckpoints(
        string runFolder, RunConfiguration configuration, IOperations operations, Trainer trainer, ITrainingObserver observer, long windowTokens,
        RankAgreement ranks)
    {
        _ranks = ranks;
        _configuration = configuration;
        _operations = operations;
        _trainer = trainer;
        _observer = observer;
        _windowTokens = windowTokens;
        string folder = Path.Combine(runFolder, "checkpoints");
        _store = CheckpointStore.View(folder);
        ranks.FromFirst("the checkpoints folder", () =>
        {
            CheckpointStore.Open(folder);
            return 0;
        });
        SharedFolder.Require(folder, ranks);
        _writer = new CheckpointWriter(_store, operations.Device, trainer.Tensors, configuration.Training.KeepCheckpoints, ranks);
    }

    /// <summary>The step of the checkpoint that the run was loaded from or has begun to write last; -1 where there is none.</summary>
    public long BegunStep { get; private set; } = NoCheckpoint;

    /// <summary>The name of the latest checkpoint that is whole, for messages.</summary>
    public string LatestName { get; private set; } = "none";

    /// <summary>Whether this rank's share of the checkpoint under way is on disk.</summary>
    public bool IsShareWritten => _writer.IsShareWritten;

    /// <summary>Throws where a new run would mix with one that is there already.</summary>
    /// <exception cref="UserErrorException">Usage.</exception>
    public void RequireEmpty(string runFolder)
    {
        _ranks.FromFirst("a folder without checkpoints", () => _store.Steps() is [.., long newest]
            ? throw new UserErrorException(
                $"{runFolder} holds checkpoints up to {CheckpointStore.NameOf(newest)} of an earlier run. Go on with --resume, or name another run folder.",
                ExitCode.Usage)
            : 0);
    }

    /// <summary>Loads the checkpoint asked for, or the newest that is whole; null where the run has none yet.</summary>
    /// <exception cref="UserErrorException">The one asked for is missing or damaged, all are damaged, or it is for another model.</exception>
    public (RunPosition Position, int BadSteps)? Resume(string? name)
    {
        long step = _ranks.FromFirst("the checkpoint to go on from", () => name is null ? FindNewestWhole() : _store.Verify(_store.Find(name)).Step);
        return step == NoCheckpoint ? null : Load(step);
    }

    /// <summary>Loads the newest whole checkpoint again, for a run that has diverged; null where there is none.</summary>
    public RunPosition? Reload() =>
        _ranks.FromFirst("the checkpoint to go back to", FindNewestWhole) is var step && step != NoCheckpoint ? Load(step).Position : null;

    /// <summary>
    /// Begins to write a checkpoint, behind the one before, and when it is whole deletes those beyond <c>keep_checkpoints</c>; steps go on
    /// meanwhile.
    /// </summary>
    /// <param name="position">Where the run stands.</param>
    /// <param name="badSteps">In a row, up to there.</param>
    /// <param name="isLast">Whether no step goes on meanwhile.</param>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    public void Begin(in RunPosition position, int badSteps, bool isLast)
    {
        Conclude();
        (float lossScale, float goodSteps, uint appliedUpdates) = _trainer.ReadState();
        var state = new CheckpointState
        {
            Format = CheckpointState.CurrentFormat,
            Step = position.Step,
            Tokens = position.Tokens,
            Window = position.Window,
            WindowTokens = _windowTokens,
            Seed = _configuration.Training.Seed,
            LossScale = lossScale,
            GoodSteps = goodSteps,
            AppliedUpdates = appliedUpdates,
            BadSteps = badSteps,
            Configuration = ConfigurationChanges.ToJson(_configuration),
            Kernels = ChosenKernels.ForCheckpoint(_operations),
            Files = [],
            StateSha256 = "",
        };
        _writer.Begin(state, isLast);
        BegunStep = position.Step;
        _isTold = false;
    }

    /// <summary>Waits until the checkpoint that is being written, if one is, is whole.</summary>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    public void Conclude()
    {
        if (_writer.PendingStep >= 0)
        {
            _writer.Conclude();
            Tell();
        }
    }

    /// <summary>Between two steps: looks after the checkpoint that is being written, without waiting for it.</summary>
    /// <param name="sharesWritten">How many ranks are known to have their share on disk.</param>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    public void Attend(int sharesWritten)
    {
        _writer.OnSharesWritten(sharesWritten);
        _writer.ThrowIfFailed();
        if (_writer.IsPublished)
        {
            Tell();
        }
    }

    /// <summary>Waits for the checkpoint under way, as far as this rank can bring it to an end alone.</summary>
    public void Dispose()
    {
        _writer.Dispose();
        if (_writer.UntoldFailure is { } failure)
        {
            _observer.OnWarning(failure.Message);
        }
        else if (_writer.IsPublished)
        {
            Tell();
        }
    }

    private void Tell()
    {
        if (!_isTold)
        {
            _isTold = true;
            LatestName = CheckpointStore.NameOf(BegunStep);
            if (_ranks.IsFirst)
            {
                _observer.OnCheckpoint(BegunStep, _store.FolderOf(BegunStep));
            }
        }
    }

    // The step of the newest checkpoint that is as it was written.
    private long FindNewestWhole()
    {
        IReadOnlyList<long> steps = _store.Steps();
        foreach (long step in steps.Reverse())
        {
            try
            {
                return _store.Verify(step).Step;
            }
            catch (UserErrorException exception)
            {
                _observer.OnWarning($"{exception.Message} Falling back to the checkpoint before {CheckpointStore.NameOf(step)}.");
            }
        }

        return steps.Count == 0
            ? NoCheckpoint
            : throw new UserErrorException($"None of the {steps.Count} checkpoints is whole. Start again without --resume, in another run folder.");
    }

    private (RunPosition Position, int BadSteps) Load(long step)
    {
        CheckpointState state = StateFile.Read(_store.FolderOf(step));
        _ranks.OnAll($"loading {CheckpointStore.NameOf(step)}", () => _store.Load(step, _trainer.Tensors, _operations, _trainer.Transfer));
        _trainer.CompleteTensors();
        _trainer.WriteState(_trainer.IsLossScaled ? state.LossScale : 1, state.GoodSteps, state.AppliedUpdates);
        BegunStep = state.Step;
        LatestName = CheckpointStore.NameOf(state.Step);
        // Later ones are damaged, or left behind. Under their names the next pruning would keep them and delete this run's.
        foreach (string aside in _ranks.IsFirst ? _store.SetAsideLaterThan(state.Step) : [])
        {
            _observer.OnNote($"A later checkpoint was renamed {aside}: this run leaves it behind.");
        }

        _observer.OnNote($"Going on from {CheckpointStore.NameOf(state.Step)}, {state.Tokens} tokens.");
        foreach (string change in ConfigurationChanges.Between(state.Configuration, _configuration))
        {
            _observer.OnNote($"Changed since that checkpoint: {change}.");
        }

        foreach (string change in ChosenKernels.Changes(state.Kernels, _operations))
        {
            _observer.OnWarning(change);
        }

        // With another acc_batch_size the windows are others: go on at the one that holds the next token.
        long window = state.WindowTokens == _windowTokens
            ? state.Window
            : (long)((Int128)state.Window * state.WindowTokens / _windowTokens);
        return (new RunPosition(state.Step, state.Tokens, window), state.BadSteps);
    }
}
