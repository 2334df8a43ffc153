using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Kernels.Profiling;

/// <summary>A piece of work of a profile.</summary>
/// <param name="Name">A kernel's name expression, a product's kind, an operation's name on a device without kernels.</param>
/// <param name="Part">Which of its operation's parts it belongs to; empty for all of them.</param>
/// <param name="Shape">Its launch; null where there is none.</param>
/// <param name="Cost">By its own statement; null for a kernel, which shares its part's.</param>
/// <param name="Start">Seconds from the profile's beginning.</param>
/// <param name="Seconds">How long it ran.</param>
/// <param name="Counters">What a simulated GPU counted; else null.</param>
public sealed record ProfiledLaunch(
    string Name, string Part, LaunchShape? Shape, KernelCost? Cost, double Start, double Seconds, LaunchCounters? Counters)
{
    /// <summary>What the GPU itself recorded of it, in order: a product's own kernels; nothing where nothing was.</summary>
    public IReadOnlyList<GpuActivity> Activities { get; init; } = [];

    /// <summary>When the host was about to enqueue it, in seconds from the profile's beginning; null where that is not known.</summary>
    public double? Enqueued { get; init; }
}
