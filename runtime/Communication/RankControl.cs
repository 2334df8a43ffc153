using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// What the ranks of a run say to each other on the host, beside the collectives: meetings outside of steps, small messages, and the news
/// that one of them is gone. Every rank calls the same in the same order.
/// </summary>
public abstract class RankControl : IDisposable
{
    public abstract int Rank { get; }

    public abstract int WorldSize { get; }

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

    /// <summary>Says where this rank is (<c>step 12, waiting for the gradients</c>): what others are told when it is missing. Does not wait.</summary>
    public abstract void Report(string activity);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
