using System;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication;

/// <summary>What every communicator asks of the tensors it is given, before anything is enqueued.</summary>
internal static class CollectiveChecks
{
    /// <exception cref="ArgumentException">The type cannot be summed.</exception>
    internal static void Summable(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!WideElements.CanSum(tensor.Type))
        {
            throw new ArgumentException($"{tensor}: ranks sum floating-point elements only", nameof(tensor));
        }
    }

    /// <exception cref="ArgumentException">The shard is no W-th of the tensor, or overlaps it elsewhere than at this rank's part.</exception>
    internal static void Shard(Tensor tensor, Tensor shard, int rank, int worldSize)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(shard);
        if (shard.Type != tensor.Type || (Int128)shard.Count * worldSize != tensor.Count)
        {
            throw new ArgumentException($"{shard} is no shard of {tensor} among {worldSize} ranks: those have {worldSize} times its elements, of its type", nameof(shard));
        }

        if (shard.Count == 0)
        {
            return;
        }

        nuint start = tensor.Address;
        nuint place = start + (nuint)(shard.Bytes * rank);
        bool apart = shard.Address + (nuint)shard.Bytes <= start || shard.Address >= start + (nuint)tensor.Bytes;
        if (!apart && shard.Address != place)
        {
            throw new ArgumentException($"{shard} lies within {tensor}, and not at part {rank}: a shard has memory of its own or is that part", nameof(shard));
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">There is no such rank.</exception>
    internal static void Root(int root, int worldSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, worldSize);
    }
}
