using System;
using System.Collections.Generic;

namespace GptEngine.Kernels.Conformance;

/// <summary>A case whose every result is held to the tolerance rule.</summary>
/// <param name="operation">The operation.</param>
/// <param name="shape">Sizes and options.</param>
/// <param name="act">Makes the tensors and calls the operation; the same on every device.</param>
internal sealed class ComparedCase(string operation, string shape, Action<OperationBench> act) : OperationCase(operation, shape)
{
    /// <summary>Whether it computes in fp32 in every precision, and rounds to 16 bits at the very end if at all: it is then held to that.</summary>
    public bool IsSingle { get; init; }

    /// <summary>Of the plain reference with its inputs moved, where the results are few: less than the default where a run is dear.</summary>
    public int MostMovedRuns { get; init; } = OperationComparison.MostMovedRuns;

    public override IReadOnlyList<TensorVerdict> Run(OperationComparison comparison, int seed) => comparison.Compare(act, seed, IsSingle, MostMovedRuns);
}
