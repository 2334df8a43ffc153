using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>A queue of work that runs in order.</summary>
public abstract class GpuStream : IDisposable
{
    /// <summary>
    /// Whether what is enqueued here is dropped: work that is about to be captured is gone through once for what it needs (kernels compiled
    /// and loaded, matrix products measured), none of which a capture allows for certain.
    /// </summary>
    public bool IsRehearsing { get; internal set; }

    /// <summary>Whether work is being recorded and not run; nothing may be compiled or loaded then.</summary>
    public bool IsRecording { get; internal set; }

    /// <summary>Waits until all work is done.</summary>
    public abstract void Synchronize();

    /// <summary>Whether all work is done.</summary>
    public abstract bool IsIdle { get; }

    /// <summary>Work after this waits for the event.</summary>
    public abstract void Wait(GpuEvent signal);

    /// <summary>Calls back on a thread of the driver when the work before is done. The callback must not call the driver.</summary>
    public abstract void AddCallback(Action callback);

    /// <summary>From here on work is recorded, not run.</summary>
    public abstract void BeginCapture();

    /// <summary>Ends the recording and returns what can be launched again and again.</summary>
    public abstract GpuGraph EndCapture();

    public abstract void Dispose();
}
