using System;

namespace GptEngine.Runtime.Devices;

/// <summary>A mark in a device's order of work. Recorded again and again; waiting is for the last recording.</summary>
public abstract class DeviceEvent : IDisposable
{
    /// <summary>Sets the mark behind all work enqueued so far.</summary>
    public abstract void Record();

    /// <summary>Blocks the host until the work before the mark is done.</summary>
    public abstract void Wait();

    /// <summary>Milliseconds from another mark to this one; both have passed.</summary>
    public abstract double ElapsedMsSince(DeviceEvent start);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
