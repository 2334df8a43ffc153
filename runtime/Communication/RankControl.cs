using System;
using System.Collections.Generic;
using System.Threading;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// What the ranks of a run say to each other on the host, beside the collectives: meetings outside of steps, small messages, and the news
/// that one of them is gone. Every rank calls the same in the same order.
/// </summary>
public abstract class RankControl : IDisposable
{
    private readonly Lock _lock = new();
    private Action<string>? _ended;

    public abstract int Rank { get; }

    public abstract int WorldSize { get; }

    /// <summary>Why the run has ended; null while it goes on.</summary>
    public string? Failure { get; private set; }

    /// <summary>What is known of every rank, by rank: complete on rank 0, on others of themselves and what rank 0 has told them.</summary>
    public abstract IReadOnlyList<RankState> States { get; }

    /// <summary>Waits until every rank is here.</summary>
    /// <param name="what">For messages: <c>the checkpoint of step 2000</c>.</param>
    /// <exception cref="UserErrorException">A rank did not come in time, or is gone; names it.</exception>
    public abstract void Barrier(string what);

    /// <summary>Every rank's <paramref name="message"/>, by rank, on every rank.</summary>
    /// <param name="what">For messages, as in <see cref="Barrier"/>.</param>
    /// <param name="message">At most <see cref="LongestMessage"/> bytes.</param>
    /// <exception cref="UserErrorException">As in <see cref="Barrier"/>.</exception>
    public abstract IReadOnlyList<byte[]> AllGather(string what, ReadOnlySpan<byte> message);

    /// <summary>Bytes of a message at most.</summary>
    public const int LongestMessage = 1 << 20;

    /// <summary>Tells all ranks that this one ends the run, and why; from any thread.</summary>
    public abstract void Fail(string reason);

    /// <summary>Says where this rank is (<c>loading the data</c>): what others are told when it is missing. Does not wait.</summary>
    public void Report(string activity) => Report(activity, -1);

    /// <summary>The same within a step: others are told <c>step 12, waiting for the gradients</c>. Allocates nothing where the text is at hand.</summary>
    /// <param name="activity">What it does: <c>waiting for the gradients</c>.</param>
    /// <param name="step">In which step; negative outside of steps.</param>
    public abstract void Report(string activity, long step);

    /// <summary>Throws if the run has ended; does not wait.</summary>
    /// <exception cref="UserErrorException">Why.</exception>
    public void ThrowIfFailed()
    {
        if (Failure is { } reason)
        {
            throw new UserErrorException(reason);
        }
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Counts of collectives that this rank has come to and that have ended, for naming those who are behind. Does not wait.</summary>
    internal abstract void Progress(long begun, long ended);

    /// <summary>A collective has not ended within its limit: finds who is behind and ends the run. Does not wait.</summary>
    /// <param name="what">For the message: <c>the all-reduce of 1000 fp32 (collective 12)</c>.</param>
    /// <param name="number">Which collective it is, from 1.</param>
    /// <param name="waited">Since when.</param>
    internal abstract void Late(string what, long number, TimeSpan waited);

    /// <summary>Calls <paramref name="action"/> once, with the reason, when the run ends by a failure: at once if it has.</summary>
    internal void WhenFailed(Action<string> action)
    {
        lock (_lock)
        {
            if (Failure is null)
            {
                _ended += action;
                return;
            }
        }

        action(Failure);
    }

    /// <summary>Ends the run for this rank; the first reason stays.</summary>
    /// <returns>Whether this was the first.</returns>
    private protected bool End(string reason)
    {
        Action<string>? ended;
        lock (_lock)
        {
            if (Failure is not null)
            {
                return false;
            }

            Failure = reason;
            ended = _ended;
            _ended = null;
        }

        ended?.Invoke(reason);
        return true;
    }
}
