using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Host;

/// <summary>
/// Collectives that the host computes, on a thread of its own, so that they overlap with computation. For the CPU, where work is done
/// when it is enqueued, a collective starts when it is enqueued and <see cref="Join"/> waits for those enqueued so far. For a simulated GPU
/// both happen when the stream comes to them, and are recorded in captured work like all else.
/// </summary>
internal sealed class HostCommunicator : Communicator
{
    // A broken connection mostly shows what another rank's end has done; that rank's reason arrives about now.
    private static readonly TimeSpan GraceForReason = TimeSpan.FromSeconds(2);

    private readonly RankControl _control;
    private readonly HostTransport _transport;
    private readonly HostAccess _access;
    private readonly RankLimits _limits;
    private readonly object _lock = new();
    private readonly Queue<HostCollective> _queue = new();
    private readonly Thread _worker;
    private readonly Timer _watch;
    private readonly Action _drain;
    private HostCollective _current;
    private long _begun, _ended, _startedAt, _reportedLate;
    private string? _failure;
    private bool _isDisposed;

    internal HostCommunicator(RankControl control, HostTransport transport, Device device, RankLimits limits)
    {
        _control = control;
        _transport = transport;
        _access = new HostAccess(device);
        _limits = limits;
        _drain = Drain;
        _worker = new Thread(Work) { IsBackground = true, Name = $"collectives of rank {control.Rank}" };
        _worker.Start();
        TimeSpan pace = TimeSpan.FromMilliseconds(Math.Clamp(limits.Collective.TotalMilliseconds / 8, 10, 1000));
        _watch = new Timer(_ => Watch(), null, pace, pace);
        control.WhenFailed(Stop);
    }

    public override int Rank => _control.Rank;

    public override int WorldSize => _control.WorldSize;

    public override string Transport => _transport.Name;

    /// <remarks>A collective starts where it stands in the device's order of work, so it follows all before it in any case.</remarks>
    public override void Follow() => ThrowIfFailed();

    public override void Join()
    {
        if (_access.Stream is { } stream)
        {
            stream.AddCallback(_drain);
        }
        else
        {
            Drain();
        }
    }

    public override void AllReduce(Tensor tensor)
    {
        CollectiveChecks.Summable(tensor);
        Enqueue(CollectiveKind.AllReduce, tensor, tensor, tensor.Count, 0);
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        CollectiveChecks.Summable(tensor);
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Enqueue(CollectiveKind.ReduceScatter, tensor, shard, shard.Count, 0);
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Enqueue(CollectiveKind.AllGather, shard, tensor, shard.Count, 0);
    }

    public override void Broadcast(Tensor tensor, int root)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        CollectiveChecks.Root(root, WorldSize);
        Enqueue(CollectiveKind.Broadcast, tensor, tensor, tensor.Count, root);
    }

    public override void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } reason)
        {
            throw new UserErrorException(reason);
        }
    }

    public override void Abort(string reason)
    {
        ArgumentException.ThrowIfNullOrEmpty(reason);
        _control.Fail(reason);
        Stop(reason);
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing || _isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _watch.Dispose();
        bool idle;
        lock (_lock)
        {
            idle = _begun == _ended || _failure is not null;
        }

        if (!idle)
        {
            Abort("it has left with collectives under way");
        }

        lock (_lock)
        {
            _failure ??= $"rank {Rank} has left the run";
            Monitor.PulseAll(_lock);
        }

        _worker.Join();
        _transport.Dispose();
    }

    private void Enqueue(CollectiveKind kind, Tensor source, Tensor target, long count, int root)
    {
        ThrowIfFailed();
        if (_access.Stream is null)
        {
            Post(kind, source, target, count, root);
        }
        else
        {
            Place(kind, source, target, count, root);
        }
    }

    // Apart from Enqueue, so that the CPU's path allocates no closure.
    private void Place(CollectiveKind kind, Tensor source, Tensor target, long count, int root) =>
        _access.Stream!.AddCallback(() => Post(kind, source, target, count, root));

    private void Post(CollectiveKind kind, Tensor source, Tensor target, long count, int root)
    {
        var collective = new HostCollective(kind, source.Type, count, root) { Source = _access.Reading(source), Target = _access.Writing(target) };
        lock (_lock)
        {
            ThrowIfFailed();
            _queue.Enqueue(collective);
            _begun++;
            _control.Progress(_begun, _ended);
            Monitor.PulseAll(_lock);
        }
    }

    private void Drain()
    {
        lock (_lock)
        {
            long target = _begun;
            while (_ended < target && _failure is null)
            {
                Monitor.Wait(_lock);
            }
        }

        ThrowIfFailed();
    }

    private void Work()
    {
        while (Next(out HostCollective collective))
        {
            try
            {
                ICollectiveListener? listener = Listener;
                listener?.Begin(queue: null);
                _transport.Run(collective);
                listener?.End(queue: null);
            }
            catch (Exception failed)
            {
                Fail(failed);
                return;
            }

            lock (_lock)
            {
                _ended++;
                _startedAt = 0;
                _control.Progress(_begun, _ended);
                Monitor.PulseAll(_lock);
            }
        }
    }

    private bool Next(out HostCollective collective)
    {
        lock (_lock)
        {
            while (_queue.Count == 0 && _failure is null)
            {
                Monitor.Wait(_lock);
            }

            if (_failure is not null)
            {
                collective = default;
                return false;
            }

            collective = _queue.Dequeue();
            _current = collective;
            _startedAt = Stopwatch.GetTimestamp();
            return true;
        }
    }

    private void Fail(Exception failed)
    {
        if (failed is IOException && !HasReason())
        {
            // Nobody has said anything: perhaps a rank has left in good order, too early. Rank 0 knows.
            _control.Late($"the {_current.Describe()} (collective {_ended + 1})", _ended + 1, Stopwatch.GetElapsedTime(_startedAt));
            HasReason();
        }

        if (Volatile.Read(ref _failure) is null)
        {
            Abort($"the {_current.Describe()} failed: {failed.Message}");
        }
    }

    /// <summary>Waits a little for the reason of the run's end.</summary>
    private bool HasReason()
    {
        long deadline = Environment.TickCount64 + (long)GraceForReason.TotalMilliseconds;
        lock (_lock)
        {
            while (_failure is null && Environment.TickCount64 < deadline)
            {
                Monitor.Wait(_lock, TimeSpan.FromMilliseconds(100));
            }

            return _failure is not null;
        }
    }

    private void Stop(string reason)
    {
        lock (_lock)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = reason;
            Monitor.PulseAll(_lock);
        }

        _transport.Abort(reason);
    }

    private void Watch()
    {
        long number;
        TimeSpan waited;
        lock (_lock)
        {
            if (_startedAt == 0 || _failure is not null)
            {
                return;
            }

            number = _ended + 1;
            waited = Stopwatch.GetElapsedTime(_startedAt);
        }

        string what = $"the {_current.Describe()} (collective {number})";
        if (waited > _limits.Collective && Interlocked.Exchange(ref _reportedLate, number) != number)
        {
            _control.Late(what, number, waited);
        }
        else if (waited > _limits.Collective + _limits.Silence)
        {
            Abort($"Rank {Rank} has waited {RankBoard.Seconds(waited)} for {what}, and rank 0 has not said who is behind.");
        }
    }
}
