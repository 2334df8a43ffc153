using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>
/// A stream that runs its work at once, or once something waits for it, in order; or records it, while a capture is on that it has begun or
/// joined.
/// </summary>
/// <param name="isLate">Whether it lets its work wait.</param>
internal sealed class SimulatedStream(bool isLate) : GpuStream
{
    private readonly Queue<Action> _waiting = new();

    public override bool IsIdle => Done == Given;

    /// <summary>Whether it lets its work wait.</summary>
    internal bool IsLate => isLate;

    /// <summary>Pieces of work so far.</summary>
    internal long Given { get; private set; }

    /// <summary>Pieces of them that have run.</summary>
    internal long Done { get; private set; }

    /// <summary>What records the work that this stream is given; null where none does.</summary>
    internal StreamCapture? Capture { get; set; }

    /// <summary>Runs the work, keeps it for later or for the graph, or drops it in a rehearsal.</summary>
    internal void Add(Action work)
    {
        if (Capture is { } capture)
        {
            capture.Add(this, work);
        }
        else if (!IsRehearsing)
        {
            Give(work);
        }
    }

    /// <summary>Gives it work, whatever it is doing.</summary>
    internal void Give(Action work)
    {
        Given++;
        _waiting.Enqueue(work);
        if (!isLate)
        {
            RunTo(Given);
        }
    }

    /// <summary>Has all work done up to the n-th piece.</summary>
    internal void RunTo(long piece)
    {
        while (Done < piece && _waiting.TryDequeue(out Action? work))
        {
            // It may wait for another stream, and that one for an earlier piece of this.
            try
            {
                work();
            }
            finally
            {
                Done++;
            }
        }
    }

    public override void Synchronize()
    {
        if (Capture is not null)
        {
            throw new GpuException("cuStreamSynchronize", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "a stream cannot be waited for while its work is recorded.");
        }

        RunTo(Given);
    }

    public override void Wait(GpuEvent signal)
    {
        var marked = (SimulatedEvent)signal;
        if (marked.Capture is { IsOpen: true } capture)
        {
            capture.AddWait(this, marked);
        }
        else if (marked.Capture is not null)
        {
            throw new GpuException("cuStreamWaitEvent", "CUDA_ERROR_CAPTURED_EVENT", "the event was recorded last in a capture that has ended.");
        }
        else if (Capture is not null)
        {
            throw new GpuException("cuStreamWaitEvent", "CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "recorded work cannot wait for an event outside of the capture.");
        }
        else if (marked.Stream is { } other)
        {
            long piece = marked.Piece;
            Give(() => other.RunTo(piece));
        }
    }

    public override void AddCallback(Action callback) => Add(callback);

    public override void BeginCapture() => Capture = Capture is null
        ? new StreamCapture(this)
        : throw new GpuException("cuStreamBeginCapture", "CUDA_ERROR_ILLEGAL_STATE", "the stream is being captured already.");

    public override GpuGraph EndCapture() => Capture is { } capture && capture.Origin == this
        ? new SimulatedGraph(capture.End())
        : throw new GpuException("cuStreamEndCapture", "CUDA_ERROR_ILLEGAL_STATE", "the stream is not being captured.");

    public override void Dispose()
    {
        // What it was given goes on.
    }
}
