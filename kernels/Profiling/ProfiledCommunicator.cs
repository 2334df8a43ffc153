using System;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Collectives that are counted, and the device's wait for them timed in its order of work: what of the communication computation does not
/// hide. How long collectives run beside the computation is theirs to know.
/// </summary>
/// <param name="inner">Those that do it; the caller's.</param>
/// <param name="recorder">Hears of them.</param>
public sealed class ProfiledCommunicator(Communicator inner, ProfileRecorder recorder) : Communicator
{
    /// <summary>What the wait is called.</summary>
    public const string Wait = "wait for ranks";

    public override int Rank => inner.Rank;

    public override int WorldSize => inner.WorldSize;

    public override string Transport => inner.Transport;

    public override void Follow() => inner.Follow();

    public override void Join()
    {
        recorder.BeginOperation(Wait, "", []);
        recorder.BeginLaunch();
        inner.Join();
        recorder.EndLaunch(Wait, Wait, null, null);
        recorder.EndOperation();
    }

    public override void AllReduce(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        recorder.CountCollective(tensor.Bytes);
        inner.AllReduce(tensor);
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        recorder.CountCollective(tensor.Bytes);
        inner.ReduceScatter(tensor, shard);
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        recorder.CountCollective(tensor.Bytes);
        inner.AllGather(shard, tensor);
    }

    public override void Broadcast(Tensor tensor, int root)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        recorder.CountCollective(tensor.Bytes);
        inner.Broadcast(tensor, root);
    }

    public override void Register(nuint address, long bytes) => inner.Register(address, bytes);

    public override void ThrowIfFailed() => inner.ThrowIfFailed();

    public override void Abort(string reason) => inner.Abort(reason);

    protected override void Dispose(bool disposing)
    {
        // The collectives are the caller's.
    }
}
