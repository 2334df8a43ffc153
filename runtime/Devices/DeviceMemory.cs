using System;

namespace GptEngine.Runtime.Devices;

/// <summary>A block of device memory, freed when disposed.</summary>
public abstract class DeviceMemory : IDisposable
{
    public abstract nuint Address { get; }

    public abstract long Bytes { get; }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
