using System.Collections.Generic;
using System.Diagnostics;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A point in a simulated stream: passed when the work before it has run. Its time is the host's.</summary>
internal sealed class SimulatedEvent : GpuEvent
{
    private long _stamp;

    /// <summary>Where it was recorded last; null before that, when it counts as passed.</summary>
    internal SimulatedStream? Stream { get; private set; }

    /// <summary>The pieces of work before it there; of a capture, in the capture.</summary>
    internal long Piece { get; private set; }

    /// <summary>The capture that it was recorded in; null for none.</summary>
    internal StreamCapture? Capture { get; private set; }

    /// <summary>Of a capture, what of each of its streams lies before the event.</summary>
    internal IReadOnlyDictionary<SimulatedStream, long>? Seen { get; private set; }

    public override bool IsDone => Stream is null || Stream.Done >= Piece;

    public override void Record(GpuStream stream)
    {
        var target = (SimulatedStream)stream;
        target.Add(() => _stamp = Stopwatch.GetTimestamp());
        (Stream, Capture) = (target, target.Capture);
        (Piece, Seen) = Capture is { } capture ? capture.Mark(target) : (target.Given, null);
    }

    public override void Synchronize()
    {
        if (Capture is { IsOpen: true })
        {
            throw new GpuException("cuEventSynchronize", "CUDA_ERROR_CAPTURED_EVENT", "an event of recorded work cannot be waited for by the host.");
        }

        Stream?.RunTo(Piece);
    }

    public override double ElapsedMsSince(GpuEvent start) =>
        Stopwatch.GetElapsedTime(((SimulatedEvent)start)._stamp, _stamp).TotalMilliseconds;

    public override void Dispose()
    {
        // Nothing is held.
    }
}
