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
internal sealed class RunCheckpoints
{
    private const long NoCheckpoint = -1;

    private readonly RunConfiguration _configuration;
    private readonly IOperations _operations;
    private readonly Trainer _trainer;
    private readonly ITrainingObserver _observer;
    private readonly long _windowTokens;
    private readonly RankAgreement _ranks;
    private readonly CheckpointStore _store;

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
    }

    /// <summary>The step of the checkpoint that the run was loaded from or wrote last; -1 where there is none.</summary>
    public long LatestStep { get; private set; } = NoCheckpoint;

    /// <summary>The name of that checkpoint for messages.</summary>
    public string LatestName => LatestStep < 0 ? "none" : CheckpointStore.NameOf(LatestStep);

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

    /// <summary>Writes a checkpoint and deletes those beyond <c>keep_checkpoints</c>.</summary>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    public void Write(in RunPosition position, int badSteps)
    {
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
            Files = [],
            StateSha256 = "",
        };
        _ranks.FromFirst($"the checkpoint of step {state.Step}", () =>
        {
            string folder = _store.Write(state, _trainer.Tensors, _trainer.Transfer);
            _store.Prune(_configuration.Training.KeepCheckpoints);
            _observer.OnCheckpoint(state.Step, folder);
            return 0;
        });
        LatestStep = position.Step;
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
        _trainer.WriteState(_trainer.IsLossScaled ? state.LossScale : 1, state.GoodSteps, state.AppliedUpdates);
        LatestStep = state.Step;
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

        // With another acc_batch_size the windows are others: go on at the one that holds the next token.
        long window = state.WindowTokens == _windowTokens
            ? state.Window
            : (long)((Int128)state.Window * state.WindowTokens / _windowTokens);
        return (new RunPosition(state.Step, state.Tokens, window), state.BadSteps);
    }
}
