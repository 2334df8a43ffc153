using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <content>Fill, cast, embedding, layer norm and linear layers.</content>
public abstract partial class OperationsConformance
{
    private const float Epsilon = 1e-5f;
    private const int Words = 97;
    private const int PaddedWords = 128;

    private static readonly (int Rows, int Channels)[] RowShapes =
    [
        .. Pairs([1, 2, 33], SizeTable.Channels), .. Pairs([31, 97, 257], [64, 97]),
    ];

    private static IEnumerable<TestCaseData> LayerNormCases()
    {
        foreach ((int rows, int channels) in RowShapes)
        {
            foreach (float dropout in new[] { 0f, 0.1f, 0.75f })
            {
                yield return new TestCaseData(rows, channels, dropout);
            }
        }
    }

    private static IEnumerable<TestCaseData> EmbeddingCases()
    {
        foreach ((int batch, int time) in new[] { (1, 1), (3, 1), (1, 31), (2, 33), (3, 97) })
        {
            foreach (int channels in new[] { 1, 7, 64, 8 * 97 })
            {
                yield return new TestCaseData(batch, time, channels, 0f, true);
                yield return new TestCaseData(batch, time, channels, 0.1f, true);
                yield return new TestCaseData(batch, time, channels, 0.5f, false);
            }
        }
    }

    private static IEnumerable<TestCaseData> LinearCases()
    {
        foreach ((int rows, int inputs, int outputs) in SizeTable.Linear)
        {
            foreach (Activation activation in Enum.GetValues<Activation>())
            {
                yield return new TestCaseData(rows, inputs, outputs, activation);
            }
        }
    }

    [Test]
    public void Zero_AnyType_ClearsAndNothingElse([ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count) => Verify(bench =>
    {
        foreach (TensorKind kind in Enum.GetValues<TensorKind>())
        {
            bench.Operations.Zero(bench.Write($"{kind}", kind, count));
        }
    });

    [Test]
    public void Cast_BetweenStorageAndMaster_Rounds([ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count) => Verify(bench =>
    {
        double[] values = bench.Normal(count);
        bench.Operations.Cast(bench.Read("master", TensorKind.Master, values, count), bench.Write("toStorage", TensorKind.Storage, count));
        bench.Operations.Cast(bench.Read("storage", TensorKind.Storage, values, count), bench.Write("toMaster", TensorKind.Master, count));
    });

    [TestCaseSource(nameof(EmbeddingCases))]
    public void EmbeddingForward_Sizes_MatchesOracle(int batch, int time, int channels, float dropout, bool positions) => Verify(bench =>
    {
        int first = dropout == 0 ? 5 : 0;
        Tensor tokens = bench.Read("tokens", bench.Integers(batch * time, Words), batch, time);
        Tensor words = bench.Read("tokenEmbedding", TensorKind.Storage, PaddedWords, channels);
        Tensor? places = positions ? bench.Read("positionEmbedding", TensorKind.Storage, time + 7, channels) : null;
        Tensor output = bench.Write("output", TensorKind.Storage, batch * time, channels);
        bench.Operations.EmbeddingForward(tokens, words, places, output, first, DropoutOf(bench, dropout, batch));
    });

    [TestCaseSource(nameof(EmbeddingCases))]
    public void EmbeddingBackward_Sizes_MatchesOracle(int batch, int time, int channels, float dropout, bool positions)
    {
        foreach (bool accumulate in new[] { false, true })
        {
            Verify(bench =>
            {
                Tensor tokens = bench.Read("tokens", bench.Integers(batch * time, Words), batch, time);
                Tensor gradOutput = bench.Read("gradOutput", TensorKind.Storage, batch * time, channels);
                Tensor gradWords = bench.Update("gradTokenEmbedding", TensorKind.Master, PaddedWords, channels);
                Tensor? gradPlaces = positions ? bench.Gradient("gradPositionEmbedding", accumulate, time + 7, channels) : null;
                bench.Workspace(o => o.EmbeddingBackwardWorkspaceBytes(batch * time, channels, PaddedWords));
                bench.Operations.EmbeddingBackward(
                    tokens, gradOutput, gradWords, gradPlaces, DropoutOf(bench, dropout, batch), accumulate);
            });
        }
    }

    [TestCaseSource(nameof(LayerNormCases))]
    public void LayerNormForward_Sizes_MatchesOracle(int rows, int channels, float dropout)
    {
        LayerNormForward(rows, channels, dropout, hasDelta: true, inPlace: false);
        LayerNormForward(rows, channels, dropout, hasDelta: true, inPlace: true);
        if (dropout == 0)
        {
            LayerNormForward(rows, channels, dropout, hasDelta: false, inPlace: false);
        }
    }

    [TestCaseSource(nameof(LayerNormCases))]
    public void LayerNormBackward_Sizes_MatchesOracle(int rows, int channels, float dropout)
    {
        foreach ((bool accumulateSum, bool accumulate) in new[] { (false, false), (true, false), (true, true) })
        {
            Verify(bench =>
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
                    DropoutOf(bench, dropout, BatchOf(rows)),
                    accumulate);
            });
        }
    }

    [TestCaseSource(nameof(LinearCases))]
    public void LinearForward_Sizes_MatchesOracle(int rows, int inputs, int outputs, Activation activation)
    {
        foreach (bool bias in new[] { false, true })
        {
            Verify(bench =>
            {
                bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
                bench.Operations.LinearForward(
                    bench.Read("x", TensorKind.Storage, rows, inputs),
                    // Pre-activations of variance 1: far out in an activation's tail nothing but its rounding would be compared.
                    bench.Read("weight", TensorKind.Storage, bench.Normal(outputs * inputs, 1 / Math.Sqrt(inputs)), outputs, inputs),
                    bias ? bench.Read("bias", TensorKind.Storage, outputs) : null,
                    bench.Write("y", TensorKind.Storage, rows, outputs),
                    activation,
                    bias ? bench.Write("preActivation", TensorKind.Storage, rows, outputs) : null);
            });
        }
    }

    [TestCaseSource(nameof(LinearCases))]
    public void LinearBackwardInput_Sizes_MatchesOracle(int rows, int inputs, int outputs, Activation activation)
    {
        foreach (bool inPlace in activation == Activation.Identity ? new[] { false } : [false, true])
        {
            Verify(bench =>
            {
                Tensor gradY = bench.Read("gradY", TensorKind.Storage, rows, outputs);
                Tensor weight = bench.Read("weight", TensorKind.Storage, outputs, inputs);
                Tensor gradX = inPlace
                    ? bench.Update("gradX", TensorKind.Storage, rows, inputs)
                    : bench.Write("gradX", TensorKind.Storage, rows, inputs);
                Tensor? preActivation = activation == Activation.Identity ? null
                    : inPlace ? gradX : bench.Read("preActivation", TensorKind.Storage, rows, inputs);
                bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
                bench.Operations.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
            });
        }
    }

    [Test]
    public void LinearBackwardWeight_Sizes_MatchesOracle([Range(0, 8)] int size, [Values] bool bias, [Values] bool accumulate) => Verify(bench =>
    {
        (int rows, int inputs, int outputs) = SizeTable.Linear[size];
        bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
        bench.Operations.LinearBackwardWeight(
            bench.Read("gradY", TensorKind.Storage, rows, outputs),
            bench.Read("x", TensorKind.Storage, rows, inputs),
            bench.Gradient("gradWeight", accumulate, outputs, inputs),
            bias ? bench.Gradient("gradBias", accumulate, outputs) : null,
            accumulate);
    });

    private static IEnumerable<(int First, int Second)> Pairs(int[] first, int[] second)
    {
        foreach (int a in first)
        {
            foreach (int b in second)
            {
                yield return (a, b);
            }
        }
    }

    private void LayerNormForward(int rows, int channels, float dropout, bool hasDelta, bool inPlace) => Verify(bench =>
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
            DropoutOf(bench, dropout, BatchOf(rows)));
    });
}
