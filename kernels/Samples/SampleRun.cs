using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Samples;

/// <summary>What a sample did on the simulated GPU.</summary>
/// <param name="Sample">The sample.</param>
/// <param name="Launches">Its launches, with counters and findings.</param>
/// <param name="Error">Why it could not run to its end, or null: an instruction that the simulator lacks, a source that does not compile.</param>
public sealed record SampleRun(KernelSample Sample, IReadOnlyList<LaunchReport> Launches, string? Error);
