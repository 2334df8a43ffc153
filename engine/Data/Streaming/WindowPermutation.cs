using System;
using System.Numerics;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// A permutation of 0..n−1 by seed and epoch that is computed, not stored: a four-round Feistel network over the next even number of
/// bits, walked until it falls below n (Black and Rogaway 2002).
/// </summary>
internal readonly struct WindowPermutation
{
    private const int Rounds = 4;

    private readonly ulong _count;
    private readonly ulong _key;
    private readonly int _halfBits;

    public WindowPermutation(long count, ulong seed, long epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _count = (ulong)count;
        _key = CounterHash.Of(seed, (ulong)epoch);
        int bits = 64 - BitOperations.LeadingZeroCount(_count - 1);
        _halfBits = Math.Max(1, (bits + 1) / 2);
    }

    /// <summary>Where <paramref name="index"/> goes.</summary>
    public long this[long index]
    {
        get
        {
            // The network's domain is at most four times n, so a few rounds of the walk are enough on average.
            ulong value = (ulong)index;
            do
            {
                value = Encrypt(value);
            }
            while (value >= _count);

            return (long)value;
        }
    }

    private ulong Encrypt(ulong value)
    {
        ulong mask = (1UL << _halfBits) - 1;
        ulong left = value >> _halfBits;
        ulong right = value & mask;
        for (int round = 0; round < Rounds; round++)
        {
            ulong mixed = left ^ (CounterHash.Of(_key + (ulong)round, right) & mask);
            left = right;
            right = mixed;
        }

        return (left << _halfBits) | right;
    }
}
