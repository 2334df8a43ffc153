using System;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// Attention forward on warpgroups' products, on the simulated H200 with every check on: what <see cref="AttentionKernelTests"/> does not ask of
/// every kernel. And the kernel that the launcher would not choose beside it.
/// </summary>
[RequiresNvrtc]
public sealed class AttentionWarpgroupTests : IDisposable
{
    private readonly SimulatedBench _bench = new(90);

    // Products take D in whole 32: what is short of that is zeros. Lengths of one warpgroup's queries and of two's, and beside them.
    [TestCase(64, 16, DocumentLayout.Ragged)]
    [TestCase(65, 24, DocumentLayout.None)]
    [TestCase(63, 32, DocumentLayout.Edges)]
    [TestCase(128, 56, DocumentLayout.Ragged)]
    [TestCase(127, 72, DocumentLayout.EveryToken)]
    [TestCase(193, 104, DocumentLayout.Ragged)]
    [TestCase(129, 120, DocumentLayout.Edges)]
    public void Forward_HeadSizesShortOfWholePanels_MatchesOracle(int time, int headSize, DocumentLayout documents) => ExpectOracle(
        new AttentionShape(2, time, 2, headSize), documents, time % 2 == 0 ? DataType.BFloat16 : DataType.Float16, AttentionVariant.Warpgroups, "attention_forward_warpgroup");

    // Warpgroups that begin steps apart, that have no step in common, and one without queries.
    [TestCase(DocumentLayout.None)]
    [TestCase(DocumentLayout.Edges)]
    [TestCase(DocumentLayout.EveryToken)]
    public void Forward_ManySteps_MatchesOracle(DocumentLayout documents) =>
        ExpectOracle(new AttentionShape(1, 385, 1, 64), documents, DataType.BFloat16, AttentionVariant.Warpgroups, "attention_forward_warpgroup");

    [TestCase(33, 64, DocumentLayout.EveryToken)]
    [TestCase(161, 64, DocumentLayout.Ragged)]
    [TestCase(97, 96, DocumentLayout.Edges)]
    [TestCase(193, 128, DocumentLayout.None)]
    public void ForwardByLargeBlocks_EveryType_MatchesOracle(int time, int headSize, DocumentLayout documents)
    {
        foreach (DataType storage in new[] { DataType.Float16, DataType.BFloat16 })
        {
            ExpectOracle(new AttentionShape(1, time, 1, headSize), documents, storage, AttentionVariant.LargeBlocks, "attention_forward_mma");
        }
    }

    // Blocks of 128 queries in two warpgroups, steps of 64 keys: a block has every step that one of its queries sees, a warpgroup multiplies its own.
    [TestCase(320, 64)]
    [TestCase(320, 96)]
    [TestCase(200, 128)]
    public void Counters_OneDocument_LoadAndMultiplyWhatIsSeen(int time, int headSize)
    {
        var data = new AttentionCase(new AttentionShape(1, time, 1, headSize), DocumentLayout.None, DataType.BFloat16, TestSeed.Next());
        Forward(data, DataType.BFloat16, AttentionVariant.Warpgroups);
        LaunchCounters counters = _bench.Launches[^1].Counters;
        int groups = (time + 63) / 64;
        int blocks = (groups + 1) / 2;
        int rows = Enumerable.Range(1, blocks).Sum(block => Math.Min(block * AttentionKernels.ForwardWarpgroupsRows, time));

        // Q once, K and V for each block; queries' starts, and the first one's for each thread.
        long bytes = ((long)sizeof(ushort) * headSize * (time + (2 * rows))) + (sizeof(int) * (time + (256L * blocks)));
        using IDisposable scope = Assert.EnterMultipleScope();
        Assert.That(counters.GlobalLoadBytes, Is.EqualTo(bytes));
        Assert.That(counters.GlobalStoreBytes, Is.EqualTo(time * ((sizeof(ushort) * headSize) + sizeof(float))));
        Assert.That(counters.GlobalStoreSectors * 32, Is.EqualTo(counters.GlobalStoreBytes));
        Assert.That(counters.TensorOperations, Is.EqualTo(groups * (groups + 1) / 2 * 2 * 2L * 64 * 64 * headSize));
        Assert.That(counters.SharedWavefronts, Is.EqualTo(counters.SharedIdealWavefronts));
    }

    public void Dispose() => _bench.Dispose();

    private void ExpectOracle(AttentionShape shape, DocumentLayout documents, DataType storage, AttentionVariant variant, string kernel)
    {
        int seed = TestSeed.Next();
        var data = new AttentionCase(shape, documents, storage, seed);
        (double[] output, double[] logSumExp) = Forward(data, storage, variant);
        (double outputBound, double logSumExpBound) = data.ForwardBounds();
        using IDisposable scope = Assert.EnterMultipleScope();
        Assert.That(_bench.Launches[^1].Kernel, Does.Contain(kernel));
        Assert.That(Tolerance.LargestError(data.Output, output), Is.LessThanOrEqualTo(outputBound), $"output in {storage}; GPTENGINE_TEST_SEED={seed}");
        Assert.That(Tolerance.LargestError(data.LogSumExp, logSumExp), Is.LessThanOrEqualTo(logSumExpBound), $"logSumExp in {storage}; GPTENGINE_TEST_SEED={seed}");
    }

    private (double[] Output, double[] LogSumExp) Forward(AttentionCase data, DataType storage, AttentionVariant variant)
    {
        AttentionShape shape = data.Shape;
        Tensor output = _bench.Poisoned("output", storage, shape.Rows, shape.Channels);
        Tensor logSumExp = _bench.Poisoned("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time);
        using var launcher = new AttentionLauncher(_bench.Queue, storage, shape.HeadSize, variant);
        launcher.Forward(
            _bench.Upload("qkv", storage, data.Qkv, shape.Rows, 3 * shape.Channels),
            _bench.Upload("documentStart", data.Starts, shape.Batch, shape.Time),
            output,
            logSumExp,
            shape);
        (double[], double[]) result = (_bench.Download(output), _bench.Download(logSumExp));
        _bench.Clear();
        return result;
    }
}
