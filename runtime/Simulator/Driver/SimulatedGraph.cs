using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>Recorded work of a simulated stream.</summary>
internal sealed class SimulatedGraph(List<Action> work) : GpuGraph
{
    public override void Launch(GpuStream stream)
    {
        var target = (SimulatedStream)stream;
        foreach (Action step in work)
        {
            target.Add(step);
        }
    }

    public override void Dispose() => work.Clear();
}
