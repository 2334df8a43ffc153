using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.Cuda;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>A graph of the driver, instantiated; it owns the callbacks that it calls with each launch.</summary>
internal sealed class CudaGraph(CudaDriver driver, nint executable, List<GCHandle> callbacks) : GpuGraph
{
    private readonly CudaHandle _graph = new(executable, cuGraphExecDestroy);

    public override void Launch(GpuStream stream)
    {
        driver.MakeCurrent();
        ThrowIfFailed(cuGraphLaunch(_graph.Value, CudaDriver.HandleOf(stream)));
    }

    public override void Dispose()
    {
        _graph.Dispose();
        callbacks.ForEach(callback => callback.Free());
        callbacks.Clear();
    }
}
