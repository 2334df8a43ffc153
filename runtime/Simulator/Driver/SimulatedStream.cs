using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A stream that runs its work at once, in order; or records it, while a capture is on.</summary>
internal sealed class SimulatedStream : GpuStream
{
    private List<Action>? _recording;

    public override bool IsIdle => true;

    /// <summary>Runs the work, keeps it for the graph, or drops it in a rehearsal.</summary>
    internal void Add(Action work)
    {
        if (_recording is not null)
        {
            _recording.Add(work);
        }
        else if (!IsRehearsing)
        {
            work();
        }
    }

    internal bool IsCapturing => _recording is not null;

    public override void Synchronize()
    {
        if (IsCapturing)
        {
            throw new GpuException("cuStreamSynchronize", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "a stream cannot be waited for while its work is recorded.");
        }
    }

    public override void Wait(GpuEvent signal)
    {
        // Work of every stream has run by the time that it was given: there is nothing to wait for.
    }

    public override void AddCallback(Action callback) => Add(callback);

    public override void BeginCapture() => _recording = _recording is null
        ? []
        : throw new GpuException("cuStreamBeginCapture", "CUDA_ERROR_ILLEGAL_STATE", "the stream is being captured already.");

    public override GpuGraph EndCapture()
    {
        List<Action> recorded = _recording ?? throw new GpuException("cuStreamEndCapture", "CUDA_ERROR_ILLEGAL_STATE", "the stream is not being captured.");
        _recording = null;
        return new SimulatedGraph(recorded);
    }

    public override void Dispose()
    {
        // Nothing is held.
    }
}
