using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Devices;

/// <summary>Work of a GPU recorded as a graph.</summary>
internal sealed class CudaCapturedWork(GpuGraph graph, GpuStream stream) : CapturedWork
{
    public override void Launch() => graph.Launch(stream);

    protected override void Dispose(bool disposing) => graph.Dispose();
}
