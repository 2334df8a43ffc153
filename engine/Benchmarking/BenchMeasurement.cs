using System.Collections.Generic;
using GptEngine.Engine.Training;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Benchmarking;

/// <summary>What a benchmark of one case measured.</summary>
/// <param name="Batch">How a step is cut.</param>
/// <param name="StepSeconds">Of the steps after the warm-up.</param>
/// <param name="Steps">How many those are.</param>
/// <param name="FirstStepTimestamp">When the first step's results were there, by <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>.</param>
/// <param name="Loss">Of the last step.</param>
/// <param name="PlannedBytes">The plan, by category.</param>
/// <param name="DeviceBytes">Device memory in use at the end, all processes' counted; null where the device has none of its own.</param>
public sealed record BenchMeasurement(
    BatchPlan Batch, Quantiles StepSeconds, int Steps, long FirstStepTimestamp, double Loss, IReadOnlyDictionary<MemoryCategory, long> PlannedBytes,
    long? DeviceBytes);
