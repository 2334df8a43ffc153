using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>A point in a stream's work.</summary>
public abstract class GpuEvent : IDisposable
{
    /// <summary>Marks the end of what the stream has been given so far.</summary>
    public abstract void Record(GpuStream stream);

    public abstract void Synchronize();

    /// <summary>Whether the point has been passed.</summary>
    public abstract bool IsDone { get; }

    /// <summary>Milliseconds from an earlier event to this one, both passed.</summary>
    public abstract double ElapsedMsSince(GpuEvent start);

    public abstract void Dispose();
}
