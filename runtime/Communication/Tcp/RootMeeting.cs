using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>One meeting of all ranks, as rank 0 collects it. Not safe for several threads.</summary>
internal sealed class RootMeeting(long number, int worldSize)
{
    private readonly byte[]?[] _messages = new byte[]?[worldSize];
    private readonly TaskCompletionSource<IReadOnlyList<byte[]>?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _startedAt;

    /// <summary>Which meeting of the run it is, from 1.</summary>
    internal long Number => number;

    /// <summary>What it is for; empty before the first has come.</summary>
    internal string What { get; private set; } = "";

    /// <summary>Who came first.</summary>
    internal int First { get; private set; }

    internal bool IsOpen => _messages.Any(message => message is not null);

    internal TimeSpan Waited => IsOpen ? Stopwatch.GetElapsedTime(_startedAt) : TimeSpan.Zero;

    internal IReadOnlyList<int> Missing => [.. Enumerable.Range(0, worldSize).Where(rank => _messages[rank] is null)];

    /// <summary>The messages by rank; null once the run has failed.</summary>
    internal Task<IReadOnlyList<byte[]>?> Done => _done.Task;

    /// <summary>The messages by rank, when all have come.</summary>
    internal IReadOnlyList<byte[]>? Add(int rank, string what, byte[] message)
    {
        if (!IsOpen)
        {
            What = what;
            First = rank;
            _startedAt = Stopwatch.GetTimestamp();
        }

        _messages[rank] = message;
        return Array.TrueForAll(_messages, m => m is not null) ? [.. _messages.OfType<byte[]>()] : null;
    }

    internal void End(IReadOnlyList<byte[]>? messages) => _done.TrySetResult(messages);
}
