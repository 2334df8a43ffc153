using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>What came of a case.</summary>
/// <param name="Case">What was run.</param>
/// <param name="Cost">The least bytes and operations of a call, by the operation's own statement.</param>
public sealed record OperationMeasurement(OperationCase Case, KernelCost Cost)
{
    /// <summary>Seconds a call, one number a sample; none on a simulated GPU.</summary>
    public IReadOnlyList<double> Seconds { get; init; } = [];

    /// <summary>Calls that a sample is the mean of.</summary>
    public int CallsPerSample { get; init; }

    /// <summary>Sets of tensors that the calls took in turn.</summary>
    public int Sets { get; init; }

    /// <summary>The launches of one call on a simulated GPU, with their counters.</summary>
    public IReadOnlyList<LaunchReport> Launches { get; init; } = [];
}
