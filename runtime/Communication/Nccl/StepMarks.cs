using System;
using System.Diagnostics;
using System.Threading;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Communication.Nccl;

/// <summary>
/// Marks in a GPU's order of work, by which another thread sees whether it goes on: a host that waits for a hung GPU cannot look itself.
/// Marking allocates nothing; with all marks under way it does nothing.
/// </summary>
internal sealed class StepMarks : IDisposable
{
    private const int Count = 16;

    private readonly GpuStream _stream;
    private readonly GpuEvent[] _events = new GpuEvent[Count];
    private readonly long[] _markedAt = new long[Count];
    private readonly Lock _lock = new();
    private long _marked;
    private long _passed;

    internal StepMarks(GpuDriver driver, GpuStream stream)
    {
        _stream = stream;
        for (int i = 0; i < Count; i++)
        {
            _events[i] = driver.CreateEvent();
        }
    }

    /// <summary>Marks set so far.</summary>
    internal long Marked => Volatile.Read(ref _marked);

    /// <summary>Marks that the GPU has passed, as far as anyone has looked.</summary>
    internal long Passed => Volatile.Read(ref _passed);

    /// <summary>Sets a mark behind all work so far; not while work is captured.</summary>
    internal void Mark()
    {
        lock (_lock)
        {
            Advance();
            if (_marked - _passed == Count)
            {
                return;
            }

            int slot = (int)(_marked % Count);
            _events[slot].Record(_stream);
            _markedAt[slot] = Stopwatch.GetTimestamp();
            _marked++;
        }
    }

    /// <summary>How long the oldest mark that the GPU has not passed has been set; zero where it has passed all.</summary>
    internal TimeSpan Waiting()
    {
        lock (_lock)
        {
            Advance();
            return _marked == _passed ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_markedAt[_passed % Count]);
        }
    }

    public void Dispose() => Array.ForEach(_events, signal => signal.Dispose());

    private void Advance()
    {
        while (_passed < _marked && _events[_passed % Count].IsDone)
        {
            _passed++;
        }
    }
}
