using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>Recorded work of simulated streams.</summary>
internal sealed class SimulatedGraph(StreamCapture recorded) : GpuGraph
{
    public override void Launch(GpuStream stream) => recorded.Launch((SimulatedStream)stream);

    public override void Dispose()
    {
        // The launches that are under way keep what they need.
    }
}
