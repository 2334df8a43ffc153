using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace GptEngine.Runtime.Communication.Local;

/// <summary>Where the threads that are ranks meet. Once aborted it lets nobody pass or wait again.</summary>
internal sealed class RankBarrier(int worldSize)
{
    private readonly object _lock = new();
    private readonly bool[] _isHere = new bool[worldSize];
    private int _arrived;
    private long _generation;
    private string? _aborted;

    /// <summary>Waits for all.</summary>
    /// <returns>Nobody; or, when the limit has passed, the ranks that are missing.</returns>
    /// <exception cref="UserErrorException">The barrier was aborted.</exception>
    internal IReadOnlyList<int> Wait(int rank, TimeSpan? limit = null)
    {
        long deadline = limit is { } span ? Environment.TickCount64 + (long)span.TotalMilliseconds : long.MaxValue;
        lock (_lock)
        {
            ThrowIfAborted();
            long generation = _generation;
            _isHere[rank] = true;
            if (++_arrived == worldSize)
            {
                _arrived = 0;
                Array.Clear(_isHere);
                _generation++;
                Monitor.PulseAll(_lock);
                return [];
            }

            while (_generation == generation)
            {
                ThrowIfAborted();
                long left = deadline - Environment.TickCount64;
                if (left <= 0)
                {
                    return [.. Enumerable.Range(0, worldSize).Where(r => !_isHere[r])];
                }

                Monitor.Wait(_lock, (int)Math.Min(left, int.MaxValue));
            }

            return [];
        }
    }

    internal void Abort(string reason)
    {
        lock (_lock)
        {
            _aborted ??= reason;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Whether some wait for this rank.</summary>
    internal bool IsAwaited(int rank)
    {
        lock (_lock)
        {
            return _arrived > 0 && !_isHere[rank];
        }
    }

    private void ThrowIfAborted()
    {
        if (_aborted is not null)
        {
            throw new UserErrorException(_aborted);
        }
    }
}
