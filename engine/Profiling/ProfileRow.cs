using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Engine.Profiling;

/// <summary>A row of a profile's table.</summary>
/// <param name="Name">A kernel's name expression, a product's kind, or an operation whose part several kernels share.</param>
/// <param name="Operation">Who called it.</param>
/// <param name="Calls">How often.</param>
/// <param name="Seconds">In all.</param>
/// <param name="Cost">The least to move and compute by its own statement, of all calls; null where nothing states it.</param>
/// <param name="Counters">What a simulated GPU counted, of all calls; else null.</param>
/// <param name="Kernels">The kernels that share it, where there are several; a library's own, where the GPU recorded them.</param>
public sealed record ProfileRow(
    string Name, string Operation, int Calls, double Seconds, KernelCost? Cost, LaunchCounters? Counters, IReadOnlyList<ProfileRow> Kernels)
{
    /// <summary>A kernel's first launch as the GPU recorded it: its registers and shared memory; null where it did not.</summary>
    public GpuActivity? Recorded { get; init; }
}
