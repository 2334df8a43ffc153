using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// Collectives among the ranks of a run over tensors in device memory. They are enqueued, like all work of a device, and run in order on a
/// queue of their own beside the device's; <see cref="Follow"/> and <see cref="Join"/> order the two against each other. All may be part
/// of captured work. Every rank enqueues the same collectives with the same counts in the same order. Sums are made in an order that
/// depends on world size and count alone: the same bits on every rank, run after run.
/// </summary>
public abstract class Communicator : IDisposable
{
    /// <summary>This process among the others, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>Processes of the run.</summary>
    public abstract int WorldSize { get; }

    /// <summary>For people: <c>NCCL 2.27.3</c>, <c>loopback over TCP, for tests</c>.</summary>
    public abstract string Transport { get; }

    /// <summary>
    /// Hears when collectives run; null for nobody. Set while none is under way. Of work that is captured meanwhile it need not hear.
    /// </summary>
    public virtual ICollectiveListener? Listener { get; set; }

    /// <summary>Collectives from here on wait for what the device has been given so far.</summary>
    public abstract void Follow();

    /// <summary>The device's work from here on waits for the collectives enqueued so far.</summary>
    public abstract void Join();

    /// <summary>
    /// The collectives of a scope go out together, which some transports start at the cost of one. None of them uses what another writes, and
    /// neither <see cref="Follow"/> nor <see cref="Join"/> comes between them.
    /// </summary>
    public CollectiveGroup Group() => new(this);

    /// <summary>The collectives from here on are a group's: what <see cref="Group"/> calls.</summary>
    public virtual void BeginGroup()
    {
        // Each is started by itself.
    }

    /// <summary>The group ends; also where one of its collectives has failed.</summary>
    public virtual void EndGroup()
    {
        // As above.
    }

    /// <summary>Every element becomes the sum of that element of all ranks.</summary>
    /// <param name="tensor">Any floating-point type; low-precision ones are summed in that type's precision or better.</param>
    public abstract void AllReduce(Tensor tensor);

    /// <summary>Rank r's <paramref name="shard"/> becomes the sum over all ranks of part r of <paramref name="tensor"/>.</summary>
    /// <param name="tensor">(W · n) elements, which outside of the shard stay as they are.</param>
    /// <param name="shard">(n) elements: memory of its own, or part r of <paramref name="tensor"/>, in place.</param>
    public abstract void ReduceScatter(Tensor tensor, Tensor shard);

    /// <summary>Part r of every rank's <paramref name="tensor"/> becomes rank r's <paramref name="shard"/>.</summary>
    /// <param name="shard">(n) elements: memory of its own, or part r of <paramref name="tensor"/>, in place.</param>
    /// <param name="tensor">(W · n) elements.</param>
    public abstract void AllGather(Tensor shard, Tensor tensor);

    /// <summary>Every rank's tensor becomes that of <paramref name="root"/>.</summary>
    public abstract void Broadcast(Tensor tensor, int root);

    /// <summary>
    /// Tells of device memory that collectives will use until the end, which some transports then move with fewer copies; every rank does so
    /// in the same order, and outside of captured work.
    /// </summary>
    /// <returns>To be disposed of before the memory is; null where telling is of no use.</returns>
    public virtual IDisposable? Register(Tensor memory) => null;

    /// <summary>Throws if a collective has failed or has been aborted; does not wait. Called between steps.</summary>
    /// <exception cref="UserErrorException">What failed, and the ranks that are to blame where that is known.</exception>
    public abstract void ThrowIfFailed();

    /// <summary>Ends collectives under way, here and so on every rank that waits for this one; from any thread. Nothing can be enqueued after it.</summary>
    public abstract void Abort(string reason);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
