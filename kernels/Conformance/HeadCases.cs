using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>The head and its loss, and sampling.</summary>
public static class HeadCases
{
    // A loss sums over all of the vocabulary, so that a few runs show what its error is; and with a large one each run is dear.
    private const int FewMovedRuns = 15;
    private const long EnoughMultiplications = 16_000_000;

    private static readonly SamplingOptions[] Samplings =
    [
        new(0, 0, 1, 1), new(1, 0, 1, 2), new(0.7f, 40, 1, 3), new(1, 0, 0.9f, 4), new(1.3f, 40, 0.5f, ulong.MaxValue), new(1, 1, 1, 5),
        new(1, 0, 1e-6f, 6), new(1, 1_000_000, 0.999f, 7),
    ];

    public static IEnumerable<OperationCase> WithGradients(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from size in sizes.Heads
               from bias in new[] { false, true }
               from accumulate in new[] { false, true }
               select WithGradients(size, bias, accumulate, inPlace: bias == accumulate);
    }

    public static IEnumerable<OperationCase> LossesOnly(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from size in sizes.Heads
               from bias in new[] { false, true }
               select LossesOnly(size, bias);
    }

    public static IEnumerable<OperationCase> SumLosses(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from count in sizes.Counts
               from accumulate in new[] { false, true }
               select new ComparedCase("SumLosses", $"N={count}{(accumulate ? " accumulated" : "")}", bench => bench.Operations.SumLosses(
                   bench.Read("losses", TensorKind.Master, Array.ConvertAll(bench.Normal(count), Math.Abs), count),
                   bench.Scalars(written: true, (StepScalar.Loss, accumulate ? 0.75f : float.NaN), (StepScalar.LossScale, 1024)),
                   1.0f / count,
                   accumulate))
               {
                   IsSingle = true,
               };
    }

    public static IEnumerable<OperationCase> Sample(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return from options in Samplings
               from size in sizes.Vocabularies
               select new SamplingCase(size.Vocabulary, size.Padded, options);
    }

    /// <summary>Of equal logits the first wins.</summary>
    public static IEnumerable<OperationCase> SampleTies()
    {
        yield return new ComparedCase("Sample", "B=2 V=100 ties", bench =>
        {
            bench.Workspace(o => o.SampleWorkspaceBytes(2, 128));
            bench.Operations.Sample(
                bench.Read("logits", TensorKind.Storage, [.. Enumerable.Range(0, 256).Select(i => i % 128 == 0 ? -1.0 : 2.0)], 2, 128),
                bench.Write("ids", TensorKind.Integer, 2),
                vocabulary: 100,
                position: 0,
                new SamplingOptions(0, 0, 1, 0));
        });
    }

    private static ComparedCase WithGradients((int Rows, int Channels, int Vocabulary, int Padded) size, bool bias, bool accumulate, bool inPlace)
    {
        (int rows, int channels, int vocabulary, int padded) = size;
        return new ComparedCase("CrossEntropyHead", $"{Describe(size)} gradients{Describe(bias, accumulate, inPlace)}", bench =>
        {
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
        })
        {
            HasProducts = true,
        };
    }

    private static ComparedCase LossesOnly((int Rows, int Channels, int Vocabulary, int Padded) size, bool bias)
    {
        (int rows, int channels, int vocabulary, int padded) = size;
        return new ComparedCase("CrossEntropyHead", $"{Describe(size)} losses{Describe(bias, false, false)}", bench =>
        {
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
        })
        {
            HasProducts = true,
            MostMovedRuns = (int)Math.Clamp(EnoughMultiplications / ((long)rows * channels * padded), FewMovedRuns, OperationComparison.MostMovedRuns),
        };
    }

    private static string Describe((int Rows, int Channels, int Vocabulary, int Padded) size) =>
        $"N={size.Rows} C={size.Channels} V={size.Vocabulary} P={size.Padded}";

    private static string Describe(bool bias, bool accumulate, bool inPlace) =>
        $"{(bias ? " biased" : "")}{(accumulate ? " accumulated" : "")}{(inPlace ? " in place" : "")}";
}
