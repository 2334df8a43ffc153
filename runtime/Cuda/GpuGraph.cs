using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>Recorded work, ready to launch as one.</summary>
public abstract class GpuGraph : IDisposable
{
    public abstract void Launch(GpuStream stream);

    public abstract void Dispose();
}
