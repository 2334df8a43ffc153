using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>Gradient norm and AdamW.</summary>
public static class UpdateCases
{
    // Just past a tile, beside a part of any size.
    private const int OtherCount = 257;

    private static readonly AdamWOptions Options = new(Beta1: 0.9f, Beta2: 0.95f, Epsilon: 1e-8f, WeightDecay: 0.1f, Clip: 1);

    public static IEnumerable<OperationCase> GradientNorm(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from count in sizes.Counts
               from clip in new[] { 0, 1e-3f, 1, 1e6f }
               select Single("GradientNorm", Invariant($"G={count} clip {clip}"), bench =>
               {
                   bench.Workspace(o => o.GradientNormWorkspaceBytes(count));
                   bench.Operations.GradientNorm(
                       bench.Read("gradients", TensorKind.Master, bench.Normal(count, 10), count),
                       StepState(bench, lossScale: 1024, goodSteps: 3, loss: 2.5f),
                       Options with { Clip = clip });
               });
    }

    /// <summary>The norm of gradients in two parts, with the sums of both one behind the other.</summary>
    public static IEnumerable<OperationCase> GradientNormOfSquares(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from count in sizes.Counts
               from clip in new[] { 0, 1e-3f, 1e6f }
               select new ComparedCase("GradientNormOfSquares", Invariant($"G={count} and {OtherCount} clip {clip}"), bench => NormOfTwoParts(bench, count, clip));
    }

    /// <summary>A bad step halves the scale down to 1; as many good ones as the interval double it up to 2²⁴.</summary>
    public static IEnumerable<OperationCase> DynamicLossScale() =>
        from lossScale in new[] { 1, 1024, 1 << 24 }
        from goodSteps in new[] { 0, 6, 7 }
        from gradient in new[] { 1, double.NaN, double.PositiveInfinity, double.NegativeInfinity }
        from loss in new[] { 2.5f, float.NaN, float.PositiveInfinity }
        from isDynamic in new[] { false, true }
        select Single(
            "GradientNorm", Invariant($"scale {lossScale} after {goodSteps} gradient {gradient} loss {loss}{(isDynamic ? " dynamic" : "")}"), bench =>
            {
                double[] gradients = bench.Normal(1025);
                gradients[bench.Random.Next(gradients.Length)] = gradient;
                bench.Workspace(o => o.GradientNormWorkspaceBytes(gradients.Length));
                bench.Operations.GradientNorm(
                    bench.Read("gradients", TensorKind.Master, gradients, gradients.Length),
                    StepState(bench, lossScale, goodSteps, loss),
                    Options with { DynamicLossScale = isDynamic, LossScaleGrowthInterval = 8 });
            });

    public static IEnumerable<OperationCase> AdamW(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from count in sizes.Counts
               from decayed in new[] { 0, 0.3, 1 }
               from updates in new[] { 1, 2, 1000 }
               select AdamW(count, (long)(count * decayed), updates, isFinite: true);
    }

    /// <summary>A bad step changes nothing.</summary>
    public static IEnumerable<OperationCase> AdamWBadStep()
    {
        yield return AdamW(1025, 500, 3, isFinite: false);
    }

    private static ComparedCase AdamW(int count, long decayCount, int updates, bool isFinite) => Single(
        "AdamW", $"G={count} decayed {decayCount} update {updates}{(isFinite ? "" : " bad step")}", bench =>
        {
            bool hasCopy = bench.HasMasters;
            bench.Operations.AdamW(
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
                Options);
        });

    private static void NormOfTwoParts(OperationBench bench, int count, float clip)
    {
        long first = bench.Operations.GradientSquaresCount(count);
        long second = bench.Operations.GradientSquaresCount(OtherCount);
        Tensor sums = bench.Scratch("sums", TensorKind.Master, first + second);
        bench.Workspace(o => Math.Max(o.GradientNormWorkspaceBytes(count), o.GradientNormWorkspaceBytes(OtherCount)));
        bench.Operations.GradientSquares(bench.Read("gradients", TensorKind.Master, bench.Normal(count, 10), count), sums.View("sums.first", 0, first));
        bench.Operations.GradientSquares(
            bench.Read("others", TensorKind.Master, bench.Normal(OtherCount, 10), OtherCount), sums.View("sums.second", first, second));
        bench.Operations.GradientNormOfSquares(sums, StepState(bench, lossScale: 1024, goodSteps: 3, loss: 2.5f), Options with { Clip = clip });
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

    private static ComparedCase Single(string operation, string shape, Action<OperationBench> act) => new(operation, shape, act) { IsSingle = true };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
