using System;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// Attention backward on warpgroups' products, on the simulated H200 with every check on: what <see cref="AttentionKernelTests"/> does not ask of
/// every kernel.
/// </summary>
[RequiresNvrtc]
public sealed class AttentionBackwardWarpgroupTests : IDisposable
{
    private readonly SimulatedBench _bench = new(90);

    // Products take D in whole 32: what is short of that is zeros. Lengths of one block's rows and of two's, and beside them.
    [TestCase(64, 16, DocumentLayout.Ragged)]
    [TestCase(65, 24, DocumentLayout.None)]
    [TestCase(127, 56, DocumentLayout.Edges)]
    [TestCase(129, 72, DocumentLayout.EveryToken)]
    [TestCase(193, 104, DocumentLayout.Ragged)]
    [TestCase(191, 120, DocumentLayout.None)]
    public void Backward_HeadSizesShortOfWholePanels_MatchesOracle(int time, int headSize, DocumentLayout documents) =>
        ExpectOracle(new AttentionShape(2, time, 2, headSize), documents, time % 2 == 0 ? DataType.BFloat16 : DataType.Float16);

    // Every buffer goes round twice.
    [TestCase(449, 64, DocumentLayout.None)]
    [TestCase(449, 64, DocumentLayout.TileEdges)]
    [TestCase(449, 64, DocumentLayout.EveryToken)]
    [TestCase(449, 128, DocumentLayout.None)]
    public void Backward_ManySteps_MatchesOracle(int time, int headSize, DocumentLayout documents) =>
        ExpectOracle(new AttentionShape(1, time, 1, headSize), documents, DataType.BFloat16);

    // Steps of 64 by blocks of 64 rows, or 128 above D 96: a block has every step that one of its rows needs, and no other.
    [TestCase(320, 64)]
    [TestCase(320, 96)]
    [TestCase(200, 128)]
    public void Counters_OneDocument_LoadAndMultiplyWhatIsSeen(int time, int headSize)
    {
        var data = new AttentionCase(new AttentionShape(1, time, 1, headSize), DocumentLayout.None, DataType.BFloat16, TestSeed.Next());
        Backward(data, DataType.BFloat16);
        LaunchReport[] reports = [.. _bench.Launches.TakeLast(2)];
        int blockRows = AttentionKernels.BackwardWarpgroupsRows(headSize);
        int[] firsts = [.. Enumerable.Range(0, (time + blockRows - 1) / blockRows).Select(block => block * blockRows)];

        // By queries: Q, O and gradO once, K and V up to the block's end. By keys: K and V once, Q and gradO from the block on.
        long queryRows = (3 * time) + (2 * firsts.Sum(first => Math.Min(first + blockRows, time)));
        long keyRows = (2 * time) + (2 * firsts.Sum(first => time - first));
        long queryTiles = blockRows / 64 * firsts.Sum(first => (Math.Min(first + blockRows, time) + 63) / 64);
        long keyTiles = blockRows / 64 * firsts.Sum(first => (time - first + 63) / 64);
        long rowBytes = sizeof(ushort) * headSize;
        using IDisposable scope = Assert.EnterMultipleScope();
        Assert.That(reports[0].Kernel, Does.Contain("attention_backward_queries_warpgroup"));
        Assert.That(reports[1].Kernel, Does.Contain("attention_backward_keys_warpgroup"));

        // Starts and log-sums of a lane's two rows, and the first start for each thread; what a step's queries bring along, in whole steps.
        Assert.That(reports[0].Counters.GlobalLoadBytes - (rowBytes * queryRows), Is.InRange(1, (32 * time) + (4 * 2 * blockRows * firsts.Length)));
        Assert.That(reports[1].Counters.GlobalLoadBytes - (rowBytes * keyRows), Is.InRange(1, (3 + 4) * sizeof(float) * 64 * keyTiles));
        Assert.That(reports[0].Counters.TensorOperations, Is.EqualTo(queryTiles * 3 * 2L * 64 * 64 * headSize));
        Assert.That(reports[1].Counters.TensorOperations, Is.EqualTo(keyTiles * 4 * 2L * 64 * 64 * headSize));
        Assert.That(reports[0].Counters.GlobalStoreBytes, Is.EqualTo(time * (rowBytes + sizeof(float))));
        Assert.That(reports[1].Counters.GlobalStoreBytes, Is.EqualTo(time * 2 * rowBytes));
        foreach (LaunchReport report in reports)
        {
            Assert.That(report.Counters.GlobalStoreSectors * 32, Is.EqualTo(report.Counters.GlobalStoreBytes), report.Kernel);
            Assert.That(report.Counters.SharedWavefronts, Is.EqualTo(report.Counters.SharedIdealWavefronts), report.Kernel);
        }
    }

    public void Dispose() => _bench.Dispose();

    private void ExpectOracle(AttentionShape shape, DocumentLayout documents, DataType storage)
    {
        int seed = TestSeed.Next();
        var data = new AttentionCase(shape, documents, storage, seed);
        double[] actual = Backward(data, storage);
        double[] oracle = data.GradQkv();
        Assert.That(_bench.Launches[^1].Kernel, Does.Contain("attention_backward_keys_warpgroup"));
        Assert.That(Tolerance.LargestError(oracle, actual), Is.LessThanOrEqualTo(data.BackwardBound(oracle)), $"gradQkv in {storage}; GPTENGINE_TEST_SEED={seed}");
    }

    private double[] Backward(AttentionCase data, DataType storage)
    {
        AttentionShape shape = data.Shape;
        Tensor gradient = _bench.Poisoned("gradQkv", storage, shape.Rows, 3 * shape.Channels);
        using var launcher = new AttentionLauncher(_bench.Queue, storage, shape.HeadSize);
        launcher.Backward(
            _bench.Upload("qkv", storage, data.Qkv, shape.Rows, 3 * shape.Channels),
            _bench.Upload("documentStart", data.Starts, shape.Batch, shape.Time),
            _bench.Upload("output", storage, data.Output, shape.Rows, shape.Channels),
            _bench.Upload("logSumExp", DataType.Float32, data.LogSumExp, shape.Batch, shape.Heads, shape.Time),
            _bench.Upload("gradOutput", storage, data.GradOutput, shape.Rows, shape.Channels),
            gradient,
            shape,
            _bench.Poisoned("workspace", DataType.Float32, AttentionLauncher.BackwardWorkspaceBytes(shape) / sizeof(float)));
        double[] result = _bench.Download(gradient);
        _bench.Clear();
        return result;
    }
}
