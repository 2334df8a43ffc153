using System;
using System.Collections.Generic;

namespace GptEngine.Kernels.Conformance;

/// <summary>What every implementation of <see cref="Common.IOperations"/> owes, operation by operation.</summary>
public static class OperationCases
{
    /// <summary>Every case, in the order in which a step uses the operations.</summary>
    public static IEnumerable<OperationCase> All(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return
        [
            .. ElementCases.Zero(sizes), .. ElementCases.Cast(sizes), .. ElementCases.EmbeddingForward(sizes), .. ElementCases.EmbeddingBackward(sizes),
            .. LayerNormCases.Forward(sizes), .. LayerNormCases.Backward(sizes),
            .. LinearCases.Forward(sizes), .. LinearCases.BackwardInput(sizes), .. LinearCases.BackwardWeight(sizes),
            .. AttentionCases.Rotary(sizes), .. AttentionCases.Forward(sizes), .. AttentionCases.LargeScores(), .. AttentionCases.Backward(sizes),
            .. AttentionCases.OneDocumentChanged(sizes), .. AttentionCases.Cache(sizes), .. AttentionCases.Decode(sizes),
            .. HeadCases.WithGradients(sizes), .. HeadCases.LossesOnly(sizes), .. HeadCases.SumLosses(sizes),
            .. HeadCases.Sample(sizes), .. HeadCases.SampleTies(),
            .. UpdateCases.GradientNorm(sizes), .. UpdateCases.DynamicLossScale(), .. UpdateCases.GradientNormOfSquares(sizes),
            .. UpdateCases.AdamW(sizes), .. UpdateCases.AdamWBadStep(),
        ];
    }
}
