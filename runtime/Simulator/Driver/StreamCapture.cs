using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>
/// Work that is recorded: of the stream that began it, and of those that have joined by waiting for an event of it. At its end all of them
/// must have been waited for again, as the driver demands.
/// </summary>
/// <param name="origin">The stream that began it.</param>
internal sealed class StreamCapture(SimulatedStream origin)
{
    private readonly List<Piece> _pieces = [];
    private readonly Dictionary<SimulatedStream, long> _given = new() { [origin] = 0 };

    // How much of each other stream the origin has waited for, by way of others too.
    private readonly Dictionary<SimulatedStream, Dictionary<SimulatedStream, long>> _seen = new() { [origin] = [] };

    /// <summary>A piece of work of a stream; or, where there is none, its wait for pieces of another.</summary>
    internal readonly record struct Piece(SimulatedStream Stream, Action? Work, SimulatedStream? Other, long UpTo);

    internal SimulatedStream Origin => origin;

    /// <summary>Whether more can be recorded.</summary>
    internal bool IsOpen { get; private set; } = true;

    internal void Add(SimulatedStream stream, Action work)
    {
        _pieces.Add(new Piece(stream, work, null, 0));
        _given[stream]++;
    }

    /// <summary>The point that an event marks.</summary>
    internal (long Piece, IReadOnlyDictionary<SimulatedStream, long> Seen) Mark(SimulatedStream stream) =>
        (_given[stream], new Dictionary<SimulatedStream, long>(_seen[stream]) { [stream] = _given[stream] });

    /// <summary>A stream waits for an event of this capture, and is part of it from here on.</summary>
    internal void AddWait(SimulatedStream stream, SimulatedEvent marked)
    {
        if (stream.Capture is null)
        {
            stream.Capture = this;
            _given[stream] = 0;
            _seen[stream] = [];
        }

        _pieces.Add(new Piece(stream, null, marked.Stream, marked.Piece));
        _given[stream]++;
        foreach ((SimulatedStream other, long piece) in marked.Seen!)
        {
            _seen[stream][other] = Math.Max(piece, _seen[stream].GetValueOrDefault(other));
        }
    }

    /// <summary>Ends it.</summary>
    /// <exception cref="GpuException">A stream that joined was not waited for.</exception>
    internal StreamCapture End()
    {
        IsOpen = false;
        bool isJoined = true;
        foreach ((SimulatedStream stream, long given) in _given)
        {
            stream.Capture = null;
            isJoined &= stream == origin || _seen[origin].GetValueOrDefault(stream) == given;
        }

        return isJoined
            ? this
            : throw new GpuException("cuStreamEndCapture", "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "a stream that joined the capture has work that the first does not wait for.");
    }

    /// <summary>Gives the work to a stream, and that of the others to streams of this launch's own.</summary>
    internal void Launch(SimulatedStream target)
    {
        var streams = new Dictionary<SimulatedStream, (SimulatedStream Stream, long Start)>();
        foreach (SimulatedStream recorded in _given.Keys)
        {
            SimulatedStream own = recorded == origin ? target : new SimulatedStream(recorded.IsLate);
            streams[recorded] = (own, own.Given);
        }

        foreach (Piece piece in _pieces)
        {
            SimulatedStream stream = streams[piece.Stream].Stream;
            if (piece.Work is { } work)
            {
                stream.Give(work);
                continue;
            }

            (SimulatedStream other, long start) = streams[piece.Other!];
            stream.Give(() => other.RunTo(start + piece.UpTo));
        }

        // A graph is done when all of it is.
        foreach ((SimulatedStream own, _) in streams.Values)
        {
            if (own != target)
            {
                target.Give(() => own.RunTo(own.Given));
            }
        }
    }
}
