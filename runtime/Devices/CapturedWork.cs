using System;

namespace GptEngine.Runtime.Devices;

/// <summary>Operations that are enqueued again as one unit.</summary>
public abstract class CapturedWork : IDisposable
{
    public abstract void Launch();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
