using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// What every implementation of <see cref="IOperations"/> owes, operation by operation over the size table: the cases of
/// <see cref="OperationCases"/>, which <c>gpt selftest</c> runs too. A device's fixture derives from it and says how to make its operations.
/// </summary>
public abstract class OperationsConformance
{
    private OperationComparison? _comparison;

    private static IEnumerable<OperationCase> ZeroCases => ElementCases.Zero(CaseSizes.Full);

    private static IEnumerable<OperationCase> CastCases => ElementCases.Cast(CaseSizes.Full);

    private static IEnumerable<OperationCase> EmbeddingForwardCases => ElementCases.EmbeddingForward(CaseSizes.Full);

    private static IEnumerable<OperationCase> EmbeddingBackwardCases => ElementCases.EmbeddingBackward(CaseSizes.Full);

    private static IEnumerable<OperationCase> LayerNormForwardCases => LayerNormCases.Forward(CaseSizes.Full);

    private static IEnumerable<OperationCase> LayerNormBackwardCases => LayerNormCases.Backward(CaseSizes.Full);

    private static IEnumerable<OperationCase> LinearForwardCases => LinearCases.Forward(CaseSizes.Full);

    private static IEnumerable<OperationCase> LinearBackwardInputCases => LinearCases.BackwardInput(CaseSizes.Full);

    private static IEnumerable<OperationCase> LinearBackwardWeightCases => LinearCases.BackwardWeight(CaseSizes.Full);

    private static IEnumerable<OperationCase> AttentionForwardCases => [.. AttentionCases.Forward(CaseSizes.Full), .. AttentionCases.LargeScores()];

    private static IEnumerable<OperationCase> AttentionBackwardCases => AttentionCases.Backward(CaseSizes.Full);

    private static IEnumerable<OperationCase> ChangedDocumentCases => AttentionCases.OneDocumentChanged(CaseSizes.Full);

    private static IEnumerable<OperationCase> RotaryCases => AttentionCases.Rotary(CaseSizes.Full);

    private static IEnumerable<OperationCase> DecodeCases => AttentionCases.Decode(CaseSizes.Full);

    private static IEnumerable<OperationCase> CacheCases => AttentionCases.Cache(CaseSizes.Full);

    private static IEnumerable<OperationCase> HeadWithGradientsCases => HeadCases.WithGradients(CaseSizes.Full);

    private static IEnumerable<OperationCase> HeadLossesOnlyCases => HeadCases.LossesOnly(CaseSizes.Full);

    private static IEnumerable<OperationCase> SumLossesCases => HeadCases.SumLosses(CaseSizes.Full);

    private static IEnumerable<OperationCase> SampleCases => [.. HeadCases.Sample(CaseSizes.Full), .. HeadCases.SampleTies()];

    private static IEnumerable<OperationCase> GradientNormCases =>
        [.. UpdateCases.GradientNorm(CaseSizes.Full), .. UpdateCases.GradientNormOfSquares(CaseSizes.Full), .. UpdateCases.DynamicLossScale()];

    private static IEnumerable<OperationCase> AdamWCases => [.. UpdateCases.AdamW(CaseSizes.Full), .. UpdateCases.AdamWBadStep()];

    /// <summary>The operations under test.</summary>
    private OperationComparison Comparison => _comparison ?? throw new InvalidOperationException("not set up yet");

    [OneTimeSetUp]
    public void SetUp() => _comparison = new OperationComparison(Create(), RoundsToTf32);

    [OneTimeTearDown]
    public void TearDown()
    {
        if (_comparison is { } comparison)
        {
            (comparison.Operations as IDisposable)?.Dispose();
            comparison.Operations.Device.Dispose();
            comparison.Dispose();
        }
    }

    [TestCaseSource(nameof(ZeroCases))]
    public void Zero_AnyType_ClearsAndNothingElse(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(CastCases))]
    public void Cast_BetweenStorageAndMaster_Rounds(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(EmbeddingForwardCases))]
    public void EmbeddingForward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(EmbeddingBackwardCases))]
    public void EmbeddingBackward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(LayerNormForwardCases))]
    public void LayerNormForward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(LayerNormBackwardCases))]
    public void LayerNormBackward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(LinearForwardCases))]
    public void LinearForward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(LinearBackwardInputCases))]
    public void LinearBackwardInput_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(LinearBackwardWeightCases))]
    public void LinearBackwardWeight_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(AttentionForwardCases))]
    public void AttentionForward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(AttentionBackwardCases))]
    public void AttentionBackward_Sizes_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(ChangedDocumentCases))]
    public void Attention_OneDocumentChanged_OthersKeepTheirBits(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(RotaryCases))]
    public void Rotary_AnyEvenHeadSize_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(DecodeCases))]
    public void AttentionDecode_AnyPosition_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(CacheCases))]
    public void CacheKeysAndValues_PartOfTheCache_LeavesTheRest(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(HeadWithGradientsCases))]
    public void CrossEntropyHead_WithGradients_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(HeadLossesOnlyCases))]
    public void CrossEntropyHead_LossesOnly_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(SumLossesCases))]
    public void SumLosses_AnyCount_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(SampleCases))]
    public void Sample_AnyOptions_DrawsTheDefinedToken(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(GradientNormCases))]
    public void GradientNorm_AnyCount_MatchesOracle(OperationCase it) => Verify(it);

    [TestCaseSource(nameof(AdamWCases))]
    public void AdamW_AnyCount_MatchesOracle(OperationCase it) => Verify(it);

    /// <summary>Whether fp32 products run in tf32 on what <see cref="Create"/> makes.</summary>
    protected virtual bool RoundsToTf32 => false;

    /// <summary>Makes the operations under test; they and their device are disposed of after the last test.</summary>
    protected abstract IOperations Create();

    private void Verify(OperationCase it)
    {
        int seed = TestSeed.Next();
        IReadOnlyList<TensorVerdict> verdicts = it.Run(Comparison, seed);
        using IDisposable scope = Assert.EnterMultipleScope();
        foreach (TensorVerdict verdict in verdicts)
        {
            Assert.That(verdict.Error, Is.LessThanOrEqualTo(verdict.Bound), $"{verdict.Tensor}: error against the oracle; GPTENGINE_TEST_SEED={seed}");
            Assert.That(verdict.IsRepeatable, $"{verdict.Tensor}: other bits when run again; GPTENGINE_TEST_SEED={seed}");
        }
    }
}
