using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <content>Rotary positions, attention and its cache.</content>
public abstract partial class OperationsConformance
{
    /// <summary>How documents lie in the sequences.</summary>
    public enum Documents
    {
        /// <summary>One document all along.</summary>
        None,

        /// <summary>Every token opens one.</summary>
        EveryToken,

        /// <summary>Random ones.</summary>
        Ragged,

        /// <summary>Opened by the first token, the last, and two neighbours in the middle.</summary>
        Edges,
    }

    private static IEnumerable<TestCaseData> AttentionCases()
    {
        foreach (int time in SizeTable.Rows)
        {
            foreach (Documents documents in Enum.GetValues<Documents>())
            {
                yield return new TestCaseData(2, time, 2, 16, documents);
                yield return new TestCaseData(1, time, 1, 64, documents);
            }
        }

        foreach (int headSize in SizeTable.HeadSizes)
        {
            yield return new TestCaseData(1, 33, 3, headSize, Documents.Ragged);
            yield return new TestCaseData(1, 97, 1, headSize, Documents.None);
        }
    }

    [TestCaseSource(nameof(AttentionCases))]
    public void AttentionForward_Sizes_MatchesOracle(int batch, int time, int heads, int headSize, Documents documents) => Verify(bench =>
    {
        var shape = new AttentionShape(batch, time, heads, headSize);
        bench.Operations.AttentionForward(
            bench.Read("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            bench.Read("documentStart", DocumentStarts(bench.Random, batch, time, documents), batch, time),
            bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
            bench.Write("logSumExp", TensorKind.Master, batch, heads, time),
            shape);
    });

    [TestCaseSource(nameof(AttentionCases))]
    public void AttentionBackward_Sizes_MatchesOracle(int batch, int time, int heads, int headSize, Documents documents) => Verify(bench =>
    {
        var shape = new AttentionShape(batch, time, heads, headSize);
        double[] qkv = bench.Rounded(TensorKind.Storage, bench.Normal(shape.Rows * 3 * shape.Channels));
        double[] gradOutput = bench.Normal(shape.Rows * shape.Channels);
        AttentionBackward(bench, qkv, gradOutput, DocumentStarts(bench.Random, batch, time, documents), shape);
    });

    /// <summary>Large scores: the softmax is all but one-hot, and exp would overflow without its maximum taken out.</summary>
    [Test]
    public void AttentionForward_LargeScores_MatchesOracle() => Verify(bench =>
    {
        var shape = new AttentionShape(1, 97, 2, 32);
        bench.Operations.AttentionForward(
            bench.Read("qkv", TensorKind.Storage, bench.Normal(shape.Rows * 3 * shape.Channels, 30), shape.Rows, 3 * shape.Channels),
            bench.Read("documentStart", DocumentStarts(bench.Random, 1, 97, Documents.None), 1, 97),
            bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
            bench.Write("logSumExp", TensorKind.Master, 1, 2, 97),
            shape);
    });

    /// <summary>What stands in one document changes nothing of another, to the bit, forward or backward.</summary>
    [Test]
    public void Attention_OneDocumentChanged_OthersKeepTheirBits([Values(2, 97, 257)] int time, [Values(16, 64)] int headSize)
    {
        int seed = TestSeed.Next();
        var shape = new AttentionShape(2, time, 2, headSize);
        var random = new Random(seed);
        int[] starts = DocumentStarts(random, 2, time, time == 2 ? Documents.EveryToken : Documents.Ragged);
        int victim = random.Next(2 * time);
        int document = (victim / time * time) + starts[victim];
        Dictionary<string, OperationResult>[] results = [.. new[] { false, true }.Select(changed => Run(Operations, seed, bench =>
        {
            double[] qkv = bench.Normal(shape.Rows * 3 * shape.Channels);
            double[] gradOutput = bench.Normal(shape.Rows * shape.Channels);
            for (int row = document; changed && row < 2 * time && DocumentOf(row) == document; row++)
            {
                bench.Normal(3 * shape.Channels, 5).CopyTo(qkv, row * 3 * shape.Channels);
                bench.Normal(shape.Channels, 5).CopyTo(gradOutput, row * shape.Channels);
            }

            qkv = bench.Rounded(TensorKind.Storage, qkv);
            AttentionBackward(bench, qkv, gradOutput, starts, shape);
            bench.Operations.AttentionForward(
                bench.Read("qkvAgain", TensorKind.Storage, qkv, shape.Rows, 3 * shape.Channels),
                bench.Read("startsAgain", starts, 2, time),
                bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
                bench.Write("logSumExp", TensorKind.Master, 2, 2, time),
                shape);
        }))];
        foreach (string name in new[] { "output", "gradQkv" })
        {
            int rowBytes = results[0][name].Bytes.Length / (2 * time);
            for (int row = 0; row < 2 * time; row++)
            {
                bool same = results[0][name].Bytes.AsSpan(row * rowBytes, rowBytes)
                    .SequenceEqual(results[1][name].Bytes.AsSpan(row * rowBytes, rowBytes));
                Assert.That(same, Is.EqualTo(DocumentOf(row) != document), $"{name}, row {row}, document {document}; GPTENGINE_TEST_SEED={seed}");
            }
        }

        int DocumentOf(int row) => (row / time * time) + starts[row];
    }

    [Test]
    public void Rotary_AnyHeadSize_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.HeadSizes))] int headSize, [Values] bool inverse, [Values(0, 5)] int firstPosition)
    {
        Assume.That(headSize % 2, Is.Zero);
        Verify(bench =>
        {
            var shape = new AttentionShape(2, 31, 3, headSize);
            int positions = shape.Time + 7;
            double[] angles = bench.Normal(positions * headSize / 2, 3);
            bench.Operations.Rotary(
                bench.Update("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
                bench.Read("cosine", TensorKind.Master, Array.ConvertAll(angles, Math.Cos), positions, headSize / 2),
                bench.Read("sine", TensorKind.Master, Array.ConvertAll(angles, Math.Sin), positions, headSize / 2),
                shape,
                firstPosition,
                inverse);
        });
    }

    [Test]
    public void AttentionDecode_AnyPosition_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.HeadSizes))] int headSize, [Values(0, 1, 32, 96)] int position) => Verify(bench =>
    {
        var shape = new AttentionShape(3, 1, 2, headSize);
        const int Capacity = 97;
        bench.Operations.AttentionDecode(
            bench.Read("qkv", TensorKind.Storage, 3, 3 * shape.Channels),
            bench.Update("keyCache", TensorKind.Storage, 3, 2, Capacity, headSize),
            bench.Update("valueCache", TensorKind.Storage, 3, 2, Capacity, headSize),
            bench.Read("documentStart", [0, position / 2, position], 3),
            bench.Write("output", TensorKind.Storage, 3, shape.Channels),
            position,
            shape);
    });

    [Test]
    public void CacheKeysAndValues_PartOfTheCache_LeavesTheRest([Values(1, 31, 40)] int time, [Values(7, 64)] int headSize) => Verify(bench =>
    {
        var shape = new AttentionShape(2, time, 3, headSize);
        bench.Operations.CacheKeysAndValues(
            bench.Read("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            bench.Update("keyCache", TensorKind.Storage, 2, 3, 40, headSize),
            bench.Update("valueCache", TensorKind.Storage, 2, 3, 40, headSize),
            shape);
    });

    /// <summary>The first key that each query sees.</summary>
    internal static int[] DocumentStarts(Random random, int batch, int time, Documents documents)
    {
        int[] starts = new int[batch * time];
        for (int b = 0; b < batch; b++)
        {
            for (int t = 1; t < time; t++)
            {
                bool opens = documents switch
                {
                    Documents.EveryToken => true,
                    Documents.Ragged => random.Next(12) == 0,
                    Documents.Edges => t == time - 1 || t == time / 2 || t == (time / 2) + 1,
                    _ => false,
                };
                starts[(b * time) + t] = opens ? t : starts[(b * time) + t - 1];
            }
        }

        return starts;
    }

    private static void AttentionBackward(OperationBench bench, double[] qkv, double[] gradOutput, int[] starts, in AttentionShape shape)
    {
        double[] output = new double[shape.Rows * shape.Channels];
        double[] logSumExp = new double[shape.Rows * shape.Heads];
        AttentionReference.Forward<double>(qkv, starts, output, logSumExp, shape);
        AttentionShape copy = shape;
        bench.Workspace(o => o.AttentionBackwardWorkspaceBytes(copy));
        bench.Operations.AttentionBackward(
            bench.Read("qkv", TensorKind.Storage, qkv, shape.Rows, 3 * shape.Channels),
            bench.Read("documentStart", starts, shape.Batch, shape.Time),
            bench.Read("forwardOutput", TensorKind.Storage, output, shape.Rows, shape.Channels),
            bench.Read("forwardLogSumExp", TensorKind.Master, logSumExp, shape.Batch, shape.Heads, shape.Time),
            bench.Read("gradOutput", TensorKind.Storage, gradOutput, shape.Rows, shape.Channels),
            bench.Write("gradQkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            shape);
    }
}
