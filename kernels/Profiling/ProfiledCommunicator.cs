using System;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>Collectives that are timed on the queue that they run on, and the device's wait for them in its order of work.</summary>
public sealed class ProfiledCommunicator : Communicator
{
    /// <summary>What the wait is called.</summary>
    public const string Wait = "wait for ranks";

    private readonly Communicator _inner;
    private readonly ProfileRecorder _recorder;

    /// <param name="inner">Those that do it, none of them under way; the caller's.</param>
    /// <param name="recorder">Hears of them until this is disposed of.</param>
    public ProfiledCommunicator(Communicator inner, ProfileRecorder recorder)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(recorder);
        (_inner, _recorder) = (inner, recorder);
        inner.Listener = recorder.ListenToCollectives();
    }

    /// <summary>Whether a piece of work is the wait, in which the device does nothing.</summary>
    public static bool IsWait(ProfiledLaunch launch)
    {
        ArgumentNullException.ThrowIfNull(launch);
        return launch.Name == Wait;
    }

    public override int Rank => _inner.Rank;

    public override int WorldSize => _inner.WorldSize;

    public override string Transport => _inner.Transport;

    public override ICollectiveListener? Listener
    {
        get => _inner.Listener;
        set => _inner.Listener = value;
    }

    public override void Follow() => _inner.Follow();

    public override void Join()
    {
        _recorder.BeginOperation(Wait, "", []);
        _recorder.BeginLaunch();
        _inner.Join();
        _recorder.EndLaunch(Wait, Wait, null, null);
        _recorder.EndOperation();
    }

    public override void AllReduce(Tensor tensor)
    {
        _recorder.AddCollective(CollectiveKind.AllReduce, tensor, WorldSize);
        _inner.AllReduce(tensor);
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        _recorder.AddCollective(CollectiveKind.ReduceScatter, tensor, WorldSize);
        _inner.ReduceScatter(tensor, shard);
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        _recorder.AddCollective(CollectiveKind.AllGather, tensor, WorldSize);
        _inner.AllGather(shard, tensor);
    }

    public override void Broadcast(Tensor tensor, int root)
    {
        _recorder.AddCollective(CollectiveKind.Broadcast, tensor, WorldSize);
        _inner.Broadcast(tensor, root);
    }

    public override IDisposable? Register(Tensor memory) => _inner.Register(memory);

    public override void ThrowIfFailed() => _inner.ThrowIfFailed();

    public override void Abort(string reason) => _inner.Abort(reason);

    public override void BeginGroup() => _inner.BeginGroup();

    public override void EndGroup() => _inner.EndGroup();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Listener = null;
        }
    }
}
