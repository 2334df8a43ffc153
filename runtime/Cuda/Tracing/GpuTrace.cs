using System.Collections.Generic;

namespace GptEngine.Runtime.Cuda.Tracing;

/// <summary>What a GPU did between two instants.</summary>
/// <param name="Activities">In the order in which they began.</param>
/// <param name="Fault">Why they may not be all, or not be right: a clause; null where nothing speaks against them.</param>
public sealed record GpuTrace(IReadOnlyList<GpuActivity> Activities, string? Fault);
