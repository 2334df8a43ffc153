using System.Collections.Generic;

namespace GptEngine.Engine.Benchmarking;

/// <summary>Memory of a row of a benchmark, in bytes.</summary>
/// <param name="Planned">The plan by category, all of it taken before the first step; null where there was none.</param>
/// <param name="PlannedTotal">Sum of <paramref name="Planned"/>.</param>
/// <param name="DeviceInUse">Of the device at the end, all processes' counted; null where it has none of its own.</param>
/// <param name="ProcessPeak">The most that the process had resident so far, earlier rows' included; null where the device has memory of its own.</param>
public sealed record BenchMemory(IReadOnlyDictionary<string, long>? Planned, long? PlannedTotal, long? DeviceInUse, long? ProcessPeak);
