using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <content>The head and its loss, sampling, and the optimizer.</content>
public abstract partial class OperationsConformance
{
    private static readonly AdamWOptions Options = new(Beta1: 0.9f, Beta2: 0.95f, Epsilon: 1e-8f, WeightDecay: 0.1f, Clip: 1);

    private static readonly SamplingOptions[] SamplingCases =
    [
        new(0, 0, 1, 1), new(1, 0, 1, 2), new(0.7f, 40, 1, 3), new(1, 0, 0.9f, 4), new(1.3f, 40, 0.5f, ulong.MaxValue), new(1, 1, 1, 5),
        new(1, 0, 1e-6f, 6), new(1, 1_000_000, 0.999f, 7),
    ];

    [Test]
    public void CrossEntropyHead_WithGradients_MatchesOracle([Range(0, 5)] int size, [Values] bool bias, [Values] bool accumulate) =>
        CrossEntropyHead(size, bias, accumulate, inPlace: bias == accumulate);

    [Test]
    public void CrossEntropyHead_LossesOnly_MatchesOracle([Range(0, 5)] int size, [Values] bool bias) => Verify(bench =>
    {
        (int rows, int channels, int vocabulary, int padded) = SizeTable.Head[size];
        bench.Workspace(o => o.CrossEntropyHeadWorkspaceBytes(rows, channels, padded));
        bench.Operations.CrossEntropyHead(
            bench.Read("x", TensorKind.Storage, rows, channels),
            bench.Read("weight", TensorKind.Storage, padded, channels),
            bias ? bench.Read("bias", TensorKind.Storage, padded) : null,
            bench.Read("targets", bench.Integers(rows, vocabulary), 1, rows),
            bench.Write("losses", TensorKind.Master, rows),
            null,
            null,
            null,
            vocabulary,
            1.0f / rows,
            bench.Scalars(written: false, (StepScalar.LossScale, 1)),
            accumulate: false);
    });

    [Test]
    public void SumLosses_AnyCount_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count, [Values] bool accumulate) => Verify(bench =>
        bench.Operations.SumLosses(
            bench.Read("losses", TensorKind.Master, Array.ConvertAll(bench.Normal(count), Math.Abs), count),
            bench.Scalars(written: true, (StepScalar.Loss, accumulate ? 0.75f : float.NaN), (StepScalar.LossScale, 1024)),
            1.0f / count,
            accumulate));

    [Test]
    public void GradientNorm_AnyCount_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count, [Values(0, 1e-3f, 1, 1e6f)] float clip) => Verify(bench =>
    {
        bench.Workspace(o => o.GradientNormWorkspaceBytes(count));
        bench.Operations.GradientNorm(
            bench.Read("gradients", TensorKind.Master, bench.Normal(count, 10), count),
            StepState(bench, lossScale: 1024, goodSteps: 3, loss: 2.5f),
            Options with { Clip = clip });
    });

    /// <summary>A bad step halves the scale down to 1; as many good ones as the interval double it up to 2²⁴.</summary>
    [Test]
    public void GradientNorm_DynamicLossScale_FollowsItsRule(
        [Values(1, 1024, 1 << 24)] int lossScale,
        [Values(0, 6, 7)] int goodSteps,
        [Values(1, double.NaN, double.PositiveInfinity, double.NegativeInfinity)] double gradient,
        [Values(2.5f, float.NaN, float.PositiveInfinity)] float loss,
        [Values] bool isDynamic) => Verify(bench =>
    {
        double[] gradients = bench.Normal(1025);
        gradients[bench.Random.Next(gradients.Length)] = gradient;
        bench.Workspace(o => o.GradientNormWorkspaceBytes(gradients.Length));
        bench.Operations.GradientNorm(
            bench.Read("gradients", TensorKind.Master, gradients, gradients.Length),
            StepState(bench, lossScale, goodSteps, loss),
            Options with { DynamicLossScale = isDynamic, LossScaleGrowthInterval = 8 });
    });

    [Test]
    public void AdamW_AnyCount_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count, [Values(0, 0.3, 1)] double decayed, [Values(1, 2, 1000)] int updates) =>
        AdamW(count, (long)(count * decayed), updates, isFinite: true);

    [Test]
    public void AdamW_BadStep_ChangesNothing() => AdamW(1025, 500, 3, isFinite: false);

    [TestCaseSource(nameof(SamplingCases))]
    public void Sample_AnyOptions_DrawsTheDefinedToken(SamplingOptions options)
    {
        int seed = TestSeed.Next();
        foreach ((int vocabulary, int padded) in new[] { (1, 128), (97, 128), (1000, 1024), (50_257, 50_304) })
        {
            const int Batch = 5;
            long position = ((long)seed << 8) + vocabulary;
            double[] logits = [];
            Dictionary<string, OperationResult> result = Run(Operations, seed, bench =>
            {
                logits = bench.Normal(Batch * padded, 3);
                for (int i = 0; i < logits.Length; i++)
                {
                    logits[i] = i % padded >= vocabulary ? double.NaN : i % 11 == 5 ? double.NegativeInfinity : logits[i];
                }

                logits = bench.Rounded(TensorKind.Storage, logits);
                bench.Workspace(o => o.SampleWorkspaceBytes(Batch, padded));
                bench.Operations.Sample(
                    bench.Read("logits", TensorKind.Storage, logits, Batch, padded), bench.Write("ids", TensorKind.Integer, Batch), vocabulary, position, options);
            });
            for (int b = 0; b < Batch; b++)
            {
                int[] right = AcceptableTokens(logits.AsSpan(b * padded, vocabulary), options, SamplingReference.Draw(options.Seed, b, position));
                Assert.That(right, Does.Contain((int)result["ids"].Values[b]), $"row {b} of {vocabulary} words; GPTENGINE_TEST_SEED={seed}");
            }
        }
    }

    [Test]
    public void Sample_Ties_TakesTheLowestId() => Verify(bench =>
    {
        bench.Workspace(o => o.SampleWorkspaceBytes(2, 128));
        bench.Operations.Sample(
            bench.Read("logits", TensorKind.Storage, [.. Enumerable.Range(0, 256).Select(i => i % 128 == 0 ? -1.0 : 2.0)], 2, 128),
            bench.Write("ids", TensorKind.Integer, 2),
            vocabulary: 100,
            position: 0,
            new SamplingOptions(0, 0, 1, 0));
    });

    /// <summary>
    /// The tokens that the definition gives for draws and top-p limits within a float's rounding of those asked for: sums of many
    /// weights in single precision may fall on either side of a limit.
    /// </summary>
    private static int[] AcceptableTokens(ReadOnlySpan<double> logits, in SamplingOptions options, float draw)
    {
        const float Rounding = 1e-5f;
        var tokens = new HashSet<int>();
        foreach (float topP in new[] { options.TopP, options.TopP * (1 - Rounding), MathF.Min(1, options.TopP * (1 + Rounding)) })
        {
            foreach (float number in new[] { draw, draw - Rounding, MathF.Min(1, draw + Rounding) })
            {
                tokens.Add(SamplingReference.Sample(logits, options with { TopP = topP }, number));
            }
        }

        if (options is { TopK: 0, TopP: 1 })
        {
            // Weights are summed in the order of ids: with nothing cut off, whatever lies between two right tokens is right too.
            tokens.UnionWith([.. Enumerable.Range(tokens.Min(), tokens.Max() - tokens.Min() + 1)]);
        }

        return [.. tokens];
    }

    private static Tensor StepState(OperationBench bench, float lossScale, float goodSteps, float loss) => bench.Scalars(
        written: true,
        (StepScalar.LearningRate, 1e-3f),
        (StepScalar.Step, BitConverter.UInt32BitsToSingle(12)),
        (StepScalar.LossScale, lossScale),
        (StepScalar.GoodSteps, goodSteps),
        (StepScalar.AppliedUpdates, BitConverter.UInt32BitsToSingle(11)),
        (StepScalar.Loss, loss),
        (StepScalar.GradientFactor, float.NaN));

    private void CrossEntropyHead(int size, bool bias, bool accumulate, bool inPlace) => Verify(bench =>
    {
        (int rows, int channels, int vocabulary, int padded) = SizeTable.Head[size];
        Tensor x = inPlace
            ? bench.Update("x", TensorKind.Storage, rows, channels)
            : bench.Read("x", TensorKind.Storage, rows, channels);
        bench.Workspace(o => o.CrossEntropyHeadWorkspaceBytes(rows, channels, padded));
        bench.Operations.CrossEntropyHead(
            x,
            bench.Read("weight", TensorKind.Storage, padded, channels),
            bias ? bench.Read("bias", TensorKind.Storage, padded) : null,
            bench.Read("targets", bench.Integers(rows, vocabulary), rows, 1),
            bench.Write("losses", TensorKind.Master, rows),
            inPlace ? x : bench.Write("gradX", TensorKind.Storage, rows, channels),
            bench.Gradient("gradWeight", accumulate, padded, channels),
            bias ? bench.Gradient("gradBias", accumulate, padded) : null,
            vocabulary,
            1.0f / (3 * rows),
            bench.Scalars(written: false, (StepScalar.LossScale, 8)),
            accumulate);
    });

    private void AdamW(int count, long decayCount, int updates, bool isFinite)
    {
        bool hasCopy = Operations.Storage != Operations.Master;
        Verify(bench => bench.Operations.AdamW(
            bench.Update("parameters", TensorKind.Master, count),
            bench.Read("gradients", TensorKind.Master, count),
            bench.Update("firstMoment", TensorKind.Master, count),
            bench.Update("secondMoment", TensorKind.Master, Array.ConvertAll(bench.Normal(count), Math.Abs), count),
            hasCopy ? bench.Update("computeCopy", TensorKind.Storage, count) : null,
            decayCount,
            bench.Scalars(
                written: true,
                (StepScalar.LearningRate, 0.02f),
                (StepScalar.AppliedUpdates, BitConverter.UInt32BitsToSingle((uint)updates)),
                (StepScalar.GradientFactor, 0.3f),
                (StepScalar.IsFinite, isFinite ? 1 : 0)),
            Options));
    }
}
