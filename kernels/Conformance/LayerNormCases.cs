using System;
using System.Collections.Generic;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>Layer norm with the residual add before it.</summary>
public static class LayerNormCases
{
    private const float Epsilon = 1e-5f;

    public static IEnumerable<OperationCase> Forward(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int rows, int channels) in sizes.LayerNorms)
        {
            foreach (float dropout in sizes.Dropouts)
            {
                yield return Forward(rows, channels, dropout, hasDelta: true, inPlace: false);
                yield return Forward(rows, channels, dropout, hasDelta: true, inPlace: true);
                if (dropout == 0)
                {
                    yield return Forward(rows, channels, dropout, hasDelta: false, inPlace: false);
                }
            }
        }
    }

    public static IEnumerable<OperationCase> Backward(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int rows, int channels) in sizes.LayerNorms)
        {
            foreach (float dropout in sizes.Dropouts)
            {
                yield return Backward(rows, channels, dropout, accumulateSum: false, accumulate: false);
                yield return Backward(rows, channels, dropout, accumulateSum: true, accumulate: false);
                yield return Backward(rows, channels, dropout, accumulateSum: true, accumulate: true);
            }
        }
    }

    private static ComparedCase Forward(int rows, int channels, float dropout, bool hasDelta, bool inPlace) => new(
        "LayerNormForward",
        $"N={rows} C={channels}{(hasDelta ? inPlace ? " added in place" : " added" : "")}{CaseDropout.Describe(dropout)}",
        bench =>
        {
            Tensor x = inPlace
                ? bench.Update("x", TensorKind.Storage, rows, channels)
                : bench.Read("x", TensorKind.Storage, rows, channels);
            Tensor? delta = hasDelta ? bench.Read("delta", TensorKind.Storage, rows, channels) : null;
            Tensor? sum = !hasDelta ? null : inPlace ? x : bench.Write("sum", TensorKind.Storage, rows, channels);
            bench.Operations.LayerNormForward(
                x,
                delta,
                sum,
                bench.Read("weight", TensorKind.Storage, channels),
                bench.Read("bias", TensorKind.Storage, channels),
                bench.Write("y", TensorKind.Storage, rows, channels),
                bench.Write("mean", TensorKind.Master, rows),
                bench.Write("rstd", TensorKind.Master, rows),
                Epsilon,
                CaseDropout.Of(bench, dropout, CaseDropout.BatchOf(rows)));
        });

    private static ComparedCase Backward(int rows, int channels, float dropout, bool accumulateSum, bool accumulate) => new(
        "LayerNormBackward",
        $"N={rows} C={channels}{(accumulateSum ? " gradient added" : "")}{(accumulate ? " accumulated" : "")}{CaseDropout.Describe(dropout)}",
        bench =>
        {
            double[] sum = bench.Rounded(TensorKind.Storage, bench.Normal(rows * channels));
            double[] weight = bench.Rounded(TensorKind.Storage, bench.Normal(channels));
            double[] mean = new double[rows];
            double[] rstd = new double[rows];
            LayerNormReference.Forward<double>(sum, weight, weight, new double[sum.Length], mean, rstd, Epsilon);
            Tensor gradY = bench.Read("gradY", TensorKind.Storage, rows, channels);
            Tensor gradSum = accumulateSum
                ? bench.Update("gradSum", TensorKind.Storage, rows, channels)
                : bench.Write("gradSum", TensorKind.Storage, rows, channels);
            bench.Workspace(o => o.LayerNormBackwardWorkspaceBytes(rows, channels));
            bench.Operations.LayerNormBackward(
                gradY,
                bench.Read("sum", TensorKind.Storage, sum, rows, channels),
                bench.Read("weight", TensorKind.Storage, weight, channels),
                bench.Read("mean", TensorKind.Master, mean, rows),
                bench.Read("rstd", TensorKind.Master, rstd, rows),
                gradSum,
                bench.Gradient("gradWeight", accumulate, channels),
                bench.Gradient("gradBias", accumulate, channels),
                dropout > 0 ? bench.Write("gradDelta", TensorKind.Storage, rows, channels) : null,
                accumulateSum,
                CaseDropout.Of(bench, dropout, CaseDropout.BatchOf(rows)),
                accumulate);
        });
}
