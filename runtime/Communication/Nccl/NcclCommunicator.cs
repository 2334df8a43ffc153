using System;
using System.Threading;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Runtime.Native.Nccl.NcclNative;

namespace GptEngine.Runtime.Communication.Nccl;

/// <summary>
/// Collectives by NCCL, on a stream of their own. <see cref="Follow"/> and <see cref="Join"/> fork it from the compute stream and join it
/// again by events, which a capture follows: so collectives become part of the graph, beside the work that they overlap with. A thread
/// watches for failures in the background and for a GPU that does not get on, and then ends the run on every rank.
/// </summary>
internal sealed class NcclCommunicator : Communicator
{
    // NCCL 2.11 takes 2,048 calls in a group, and says so; later versions say nothing of it.
    private const int MostGrouped = 1024;

    private readonly RankControl _control;
    private readonly GpuDevice _device;
    private readonly RankLimits _limits;
    private readonly NcclHandle _nccl;
    private readonly GpuStream _stream;
    private readonly nint _streamHandle;
    private readonly GpuEvent _forked;
    private readonly GpuEvent _joined;
    private readonly StepMarks _marks;
    private readonly Timer _watch;
    private string? _failure;
    private long _lateMark = -1;
    private bool _isGrouping;
    private int _grouped;
    private bool _isDisposed;

    /// <param name="control">Takes and brings the news of failures.</param>
    /// <param name="device">Where the ranks' tensors are.</param>
    /// <param name="nccl">The communicator, which this one owns.</param>
    /// <param name="handleOf">A stream as NCCL takes it.</param>
    /// <param name="limits">How long to wait.</param>
    internal NcclCommunicator(RankControl control, GpuDevice device, NcclHandle nccl, Func<GpuStream, nint> handleOf, RankLimits limits)
    {
        _control = control;
        _device = device;
        _nccl = nccl;
        _limits = limits;
        _stream = device.Driver.CreateStream();
        _streamHandle = handleOf(_stream);
        _forked = device.Driver.CreateEvent();
        _joined = device.Driver.CreateEvent();
        _marks = new StepMarks(device.Driver, device.Stream);
        TimeSpan pace = TimeSpan.FromMilliseconds(Math.Clamp(limits.Collective.TotalMilliseconds / 8, 10, 1000));
        _watch = new Timer(_ => Watch(), null, pace, pace);
        control.WhenFailed(Stop);
    }

    public override int Rank => _control.Rank;

    public override int WorldSize => _control.WorldSize;

    public override string Transport => $"NCCL {NcclSetup.VersionName(_nccl.Version)}";

    public override void Follow()
    {
        ThrowIfStopped();
        _forked.Record(_device.Stream);
        _stream.Wait(_forked);
    }

    public override void Join()
    {
        ThrowIfStopped();
        _joined.Record(_stream);
        _device.Stream.Wait(_joined);
        Mark();
    }

    /// <remarks>Collectives that are timed go out one by one: of a group only the whole could be.</remarks>
    public override void BeginGroup()
    {
        ThrowIfStopped();
        if (Listener is not null && !_device.IsCapturing)
        {
            return;
        }

        try
        {
            _nccl.BeginGroup();
            _grouped = 0;
            _isGrouping = true;
        }
        catch (GpuException failed)
        {
            throw Ended(failed);
        }
    }

    public override void EndGroup()
    {
        if (!_isGrouping)
        {
            return;
        }

        _isGrouping = false;
        try
        {
            _nccl.EndGroup();
        }
        catch (GpuException failed)
        {
            throw Ended(failed);
        }
    }

    public override void AllReduce(Tensor tensor)
    {
        CollectiveChecks.Summable(tensor);
        Run(
            nameof(ncclAllReduce),
            static (nint nccl, in Collective c) => ncclAllReduce(c.Source, c.Target, c.Count, c.Type, Sum, nccl, c.Stream),
            new Collective(tensor.Address, tensor.Address, (nuint)tensor.Count, TypeOf(tensor), 0, _streamHandle));
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        CollectiveChecks.Summable(tensor);
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Run(
            nameof(ncclReduceScatter),
            static (nint nccl, in Collective c) => ncclReduceScatter(c.Source, c.Target, c.Count, c.Type, Sum, nccl, c.Stream),
            new Collective(tensor.Address, shard.Address, (nuint)shard.Count, TypeOf(tensor), 0, _streamHandle));
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Run(
            nameof(ncclAllGather),
            static (nint nccl, in Collective c) => ncclAllGather(c.Source, c.Target, c.Count, c.Type, nccl, c.Stream),
            new Collective(shard.Address, tensor.Address, (nuint)shard.Count, TypeOf(tensor), 0, _streamHandle));
    }

    public override void Broadcast(Tensor tensor, int root)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        CollectiveChecks.Root(root, WorldSize);
        Run(
            nameof(ncclBroadcast),
            static (nint nccl, in Collective c) => ncclBroadcast(c.Source, c.Target, c.Count, c.Type, c.Root, nccl, c.Stream),
            new Collective(tensor.Address, tensor.Address, (nuint)tensor.Count, TypeOf(tensor), root, _streamHandle));
    }

    public override IDisposable? Register(Tensor memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ThrowIfStopped();
        try
        {
            return _nccl.Register(memory.Address, memory.Bytes);
        }
        catch (GpuException failed)
        {
            throw Ended(failed);
        }
    }

    public override void ThrowIfFailed()
    {
        ThrowIfStopped();
        if (_nccl.AsynchronousFailure() is { } failed)
        {
            Abort(failed.Message);
            ThrowIfStopped();
        }

        Mark();
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
        using (var stopped = new ManualResetEvent(initialState: false))
        {
            // The watch must not look at marks that are gone.
            _watch.Dispose(stopped);
            stopped.WaitOne();
        }

        _nccl.Dispose();
        _marks.Dispose();
        _joined.Dispose();
        _forked.Dispose();
        _stream.Dispose();
    }

    private static int TypeOf(Tensor tensor) => tensor.Type switch
    {
        DataType.Float32 => TypeFloat32,
        DataType.Float16 => TypeFloat16,
        DataType.BFloat16 => TypeBFloat16,
        DataType.Float64 => TypeFloat64,
        DataType.Int32 => TypeInt32,
        _ => throw new ArgumentOutOfRangeException(nameof(tensor), tensor.Type, "NCCL has no such type"),
    };

    private void Run(string name, NcclHandle.Call<Collective> call, in Collective collective)
    {
        ThrowIfStopped();
        if (_isGrouping && _grouped++ == MostGrouped)
        {
            EndGroup();
            BeginGroup();
        }

        ICollectiveListener? listener = _device.IsCapturing ? null : Listener;
        try
        {
            listener?.Begin(_stream);
            _nccl.Do(name, call, collective);
            listener?.End(_stream);
        }
        catch (GpuException failed)
        {
            if (_isGrouping)
            {
                // It fails with the call, and a thread inside a group could not even abort.
                _isGrouping = false;
                _ = _nccl.LeaveGroup();
            }

            throw Ended(failed);
        }
    }

    /// <summary>Ends the run by a failure of NCCL's.</summary>
    private UserErrorException Ended(GpuException failed)
    {
        Abort(failed.Message);
        return new UserErrorException(_failure!, ExitCode.Failed, failed);
    }

    /// <summary>Lets the watch see whether the GPU comes to here.</summary>
    private void Mark()
    {
        if (!_device.IsCapturing)
        {
            _marks.Mark();
            _control.Progress(_marks.Marked, _marks.Passed);
        }
    }

    private void ThrowIfStopped()
    {
        if (Volatile.Read(ref _failure) is { } reason)
        {
            throw new UserErrorException(reason);
        }
    }

    private void Stop(string reason)
    {
        if (Interlocked.CompareExchange(ref _failure, reason, null) is null)
        {
            _nccl.Abort(reason);
        }
    }

    private void Watch()
    {
        if (Volatile.Read(ref _failure) is not null)
        {
            return;
        }

        try
        {
            LookForTrouble();
        }
        catch (GpuException failed)
        {
            // A GPU that has failed says so to whoever asks it for anything.
            Abort(failed.Message);
        }
    }

    private void LookForTrouble()
    {
        if (_nccl.AsynchronousFailure() is { } failed)
        {
            Abort(failed.Message);
            return;
        }

        TimeSpan waited = _marks.Waiting();
        long oldest = _marks.Passed;
        _control.Progress(_marks.Marked, oldest);
        if (waited > _limits.Collective && Interlocked.Exchange(ref _lateMark, oldest) != oldest)
        {
            _control.Late("its GPU to do the work with the collectives that it was given", oldest + 1, waited);
        }
        else if (waited > _limits.Collective + _limits.Silence)
        {
            Abort($"its GPU has not done its work for {RankBoard.Seconds(waited)}, and rank 0 has not said who is behind.");
        }
    }

    /// <summary>The arguments of a collective, so that enqueueing one allocates nothing.</summary>
    private readonly record struct Collective(nuint Source, nuint Target, nuint Count, int Type, int Root, nint Stream);
}
