using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// What the ranks of a run settle on the host outside of steps: one decides for all, or all must have succeeded before any goes on. A run
/// of one process settles everything with itself. Every rank calls the same in the same order.
/// </summary>
/// <param name="group">The ranks; null for one process alone.</param>
internal sealed class RankAgreement(RankGroup? group)
{
    private const int LongestText = 8192;
    private const int ErrorStart = sizeof(long) + 1;

    /// <summary>A process alone.</summary>
    public static RankAgreement Alone { get; } = new(null);

    public int Rank => group?.Rank ?? 0;

    public int WorldSize => group?.WorldSize ?? 1;

    /// <summary>Whether this is rank 0, which writes what is written once.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>What rank 0 decides, on every rank.</summary>
    /// <param name="what">For messages: <c>the checkpoint to go on from</c>.</param>
    /// <param name="decide">Runs on rank 0 alone.</param>
    /// <exception cref="UserErrorException">Rank 0's own, on every rank.</exception>
    public long FromFirst(string what, Func<long> decide)
    {
        ArgumentNullException.ThrowIfNull(decide);
        return group is null ? decide() : Exchange(what, IsFirst ? decide : static () => 0)[0];
    }

    /// <summary>Does a thing on every rank; none goes on unless it worked on all.</summary>
    /// <param name="what">For messages.</param>
    /// <param name="act">Runs on every rank.</param>
    /// <exception cref="UserErrorException">That of the first rank that failed, on every rank.</exception>
    public void OnAll(string what, Action act)
    {
        ArgumentNullException.ThrowIfNull(act);
        if (group is null)
        {
            act();
            return;
        }

        Exchange(what, () =>
        {
            act();
            return 0;
        });
    }

    /// <summary>The sum over all ranks, added in the order of ranks: the same bits on each.</summary>
    public double Sum(string what, double value)
    {
        if (group is null)
        {
            return value;
        }

        double sum = 0;
        foreach (long bits in Exchange(what, () => BitConverter.DoubleToInt64Bits(value)))
        {
            sum += BitConverter.Int64BitsToDouble(bits);
        }

        return sum;
    }

    /// <summary>What each rank finds for itself, by rank, on every rank.</summary>
    /// <param name="what">For messages.</param>
    /// <param name="find">Runs on every rank.</param>
    /// <exception cref="UserErrorException">That of the first rank whose <paramref name="find"/> failed, on every rank.</exception>
    public long[] OfAll(string what, Func<long> find)
    {
        ArgumentNullException.ThrowIfNull(find);
        return group is null ? [find()] : Exchange(what, find);
    }

    private long[] Exchange(string what, Func<long> value)
    {
        // A message is a byte that says whether it worked, then the value, or the exit code and the text of what went wrong.
        byte[] message = new byte[ErrorStart];
        UserErrorException? own = null;
        try
        {
            BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(1), value());
        }
        catch (UserErrorException failure)
        {
            own = failure;
            string text = failure.Message.Length <= LongestText ? failure.Message : failure.Message[..LongestText];
            message = [.. message, .. Encoding.UTF8.GetBytes(text)];
            message[0] = 1;
            BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(1), (long)failure.ExitCode);
        }

        IReadOnlyList<byte[]> all = group!.Control.AllGather(what, message);
        long[] values = new long[all.Count];
        for (int rank = 0; rank < all.Count; rank++)
        {
            ReadOnlySpan<byte> answer = all[rank];
            if (answer.Length < ErrorStart)
            {
                throw new UserErrorException($"Rank {rank} said nothing sensible about {what}. Start all ranks with the same program.");
            }

            values[rank] = BinaryPrimitives.ReadInt64LittleEndian(answer[1..]);
            if (answer[0] != 0)
            {
                throw rank == Rank && own is not null
                    ? own
                    : new UserErrorException($"Rank {rank}: {Encoding.UTF8.GetString(answer[ErrorStart..])}", CodeOf(values[rank]), own);
            }
        }

        return values;
    }

    private static ExitCode CodeOf(long value) =>
        Enum.IsDefined((ExitCode)value) && value != (long)ExitCode.Success ? (ExitCode)value : ExitCode.Failed;
}
