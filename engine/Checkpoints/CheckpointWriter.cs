using System;
using System.Threading;
using GptEngine.Engine.Ranks;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Checkpoints;

/// <summary>
/// Writes checkpoints while training goes on: between two steps every rank copies its share aside, and a thread of each brings it to disk.
/// Rank 0's then checks and publishes the whole, once it hears that all shares are there. One checkpoint at a time; each is concluded by
/// all ranks together, before the next at the latest.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private readonly CheckpointStore _store;
    private readonly CheckpointLayout _layout;
    private readonly ShareSnapshot _snapshot;
    private readonly TrainingTensors _tensors;
    private readonly int _keep;
    private readonly RankAgreement _ranks;
    private readonly object _lock = new();
    private Thread? _thread;
    private Exception? _failure;
    private volatile bool _shareWritten;
    private volatile bool _published;
    private volatile bool _failed;
    private bool _allWritten;
    private bool _abandoned;
    private bool _isThrown;

    /// <param name="store">Where to.</param>
    /// <param name="device">Where the tensors are.</param>
    /// <param name="tensors">What is written.</param>
    /// <param name="keep">How many of the latest stay; 0 for all.</param>
    /// <param name="ranks">Who writes.</param>
    /// <exception cref="UserErrorException">There is not enough host memory for the copy.</exception>
    public CheckpointWriter(CheckpointStore store, Device device, TrainingTensors tensors, int keep, RankAgreement ranks)
    {
        (_store, _tensors, _keep, _ranks) = (store, tensors, keep, ranks);
        _layout = new CheckpointLayout(tensors.Parameters.Catalogue);
        _snapshot = new ShareSnapshot(device, tensors, _layout);
    }

    /// <summary>The step of the checkpoint that has been begun and not concluded; -1 for none.</summary>
    public long PendingStep { get; private set; } = -1;

    /// <summary>Whether this rank's share of it is on disk.</summary>
    public bool IsShareWritten => _shareWritten;

    /// <summary>Whether it stands under its name; known on rank 0 alone before it is concluded.</summary>
    public bool IsPublished => _published;

    /// <summary>What went wrong on the thread that writes and nobody has been told of; null for nothing. For a run that ends by something else.</summary>
    public Exception? UntoldFailure => _failed && !_isThrown ? _failure : null;

    /// <summary>Begins one: when this returns, steps may go on. Every rank calls it, none pending.</summary>
    /// <param name="state">What is written beside the tensors.</param>
    /// <param name="isLast">Whether no step waits for it: then the share is written as it stands, which takes no memory for a copy.</param>
    /// <exception cref="UserErrorException">The disk refuses.</exception>
    public void Begin(CheckpointState state, bool isLast)
    {
        _ranks.FromFirst(What(state.Step), () =>
        {
            _store.Begin(state.Step, _layout);
            return 0;
        });
        if (!isLast)
        {
            _snapshot.Take();
        }

        PendingStep = state.Step;
        (_shareWritten, _published, _allWritten) = (false, false, _ranks.WorldSize == 1);
        _thread = new Thread(() => Work(state, isLast)) { IsBackground = true, Name = $"checkpoint of rank {_ranks.Rank}" };
        _thread.Start();
        if (isLast)
        {
            AwaitShare();
        }
    }

    /// <summary>Tells how many ranks are known to have their share on disk.</summary>
    public void OnSharesWritten(int ranks)
    {
        if (PendingStep >= 0 && ranks == _ranks.WorldSize)
        {
            lock (_lock)
            {
                _allWritten = true;
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Waits until the one that is pending is published. Every rank calls it.</summary>
    /// <exception cref="UserErrorException">A rank could not write its share, or rank 0 not publish the whole.</exception>
    public void Conclude()
    {
        string what = What(PendingStep);
        AwaitShare();
        _ranks.OnAll(what, ThrowIfFailed);
        OnSharesWritten(_ranks.WorldSize);
        _ranks.FromFirst(what, () =>
        {
            _thread!.Join();
            ThrowIfFailed();
            return 0;
        });
        _published = true;
        PendingStep = -1;
    }

    /// <summary>Throws what went wrong on the thread that writes, if anything; does not wait.</summary>
    public void ThrowIfFailed()
    {
        if (_failed)
        {
            _isThrown = true;
            throw _failure is UserErrorException known ? known : new InvalidOperationException("a checkpoint could not be written", _failure);
        }
    }

    /// <summary>Waits for what is under way, as far as it can come to an end without the other ranks.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _abandoned = true;
            Monitor.PulseAll(_lock);
        }

        _thread?.Join();
        _snapshot.Dispose();
    }

    private void AwaitShare()
    {
        lock (_lock)
        {
            while (!_shareWritten && !_failed)
            {
                Monitor.Wait(_lock);
            }
        }
    }

    private void Work(CheckpointState state, bool isLast)
    {
        try
        {
            Action<string> write = isLast ? _snapshot.WriteThrough : _snapshot.Write;
            _store.Refusing(state.Step, _layout.Bytes, () => write(_store.WritingFolderOf(state.Step)));
            lock (_lock)
            {
                _shareWritten = true;
                Monitor.PulseAll(_lock);
                while (_ranks.IsFirst && !_allWritten && !_abandoned)
                {
                    Monitor.Wait(_lock);
                }
            }

            if (_ranks.IsFirst && !_allWritten)
            {
                GiveUp(state.Step);
            }
            else if (_ranks.IsFirst)
            {
                _store.Refusing(state.Step, _layout.Bytes, () => _store.Publish(state, _tensors.Parameters.Model, _layout));
                _store.Prune(_keep);
                _published = true;
            }
        }
        catch (Exception failure)
        {
            // The thread that trains throws it.
            GiveUp(state.Step);
            lock (_lock)
            {
                _failure = failure;
                _failed = true;
                Monitor.PulseAll(_lock);
            }
        }
    }

    // The others' shares go where rank 0 has made room for them.
    private void GiveUp(long step)
    {
        if (_ranks.IsFirst)
        {
            _store.Abandon(step);
        }
    }

    private static string What(long step) => $"the checkpoint of step {step}";
}
