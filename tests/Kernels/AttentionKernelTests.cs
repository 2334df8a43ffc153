using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Attention's kernels on the simulated GPU, every check on.</summary>
[RequiresNvrtc]
[TestFixture(70)]
[TestFixture(80)]
[TestFixture(90)]
public sealed class AttentionKernelTests(int architecture) : IDisposable
{
    private readonly SimulatedBench _bench = new(architecture);
    private readonly Dictionary<(DataType, int), AttentionLauncher> _launchers = [];

    private static IEnumerable<TestCaseData> Cases()
    {
        // Lengths at which a backward pass is one launch, and longer ones, of every blocking; at their border, and beside that of tiles.
        yield return new TestCaseData(1, 1, 1, 8, DocumentLayout.None);
        yield return new TestCaseData(2, 2, 1, 8, DocumentLayout.EveryToken);
        yield return new TestCaseData(1, 31, 2, 80, DocumentLayout.EveryToken);
        yield return new TestCaseData(2, 33, 3, 64, DocumentLayout.Ragged);
        yield return new TestCaseData(1, 97, 2, 96, DocumentLayout.Edges);
        yield return new TestCaseData(1, 97, 1, 128, DocumentLayout.None);
        yield return new TestCaseData(1, 161, 1, 64, DocumentLayout.Ragged);
        yield return new TestCaseData(1, 161, 1, 64, DocumentLayout.TileEdges);
        yield return new TestCaseData(1, 129, 2, 40, DocumentLayout.Edges);
        yield return new TestCaseData(1, 161, 1, 96, DocumentLayout.TileEdges);
        yield return new TestCaseData(1, 255, 1, 64, DocumentLayout.Edges);
        yield return new TestCaseData(1, 256, 3, 64, DocumentLayout.None);
        yield return new TestCaseData(1, 257, 1, 64, DocumentLayout.None);
        yield return new TestCaseData(1, 289, 1, 96, DocumentLayout.TileEdges);
        yield return new TestCaseData(1, 321, 1, 128, DocumentLayout.Edges);
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_EveryType_MatchesOracle(int batch, int time, int heads, int headSize, DocumentLayout documents)
    {
        foreach (DataType storage in Types)
        {
            int seed = TestSeed.Next();
            var data = new AttentionCase(new AttentionShape(batch, time, heads, headSize), documents, storage, seed);
            CompareForward(data, storage, seed);
        }
    }

    // Each tile's largest score is far above that of the tiles before: what was summed under those is scaled down.
    [TestCase(97, 96)]
    [TestCase(161, 64)]
    [TestCase(161, 128)]
    public void Forward_ScoresThatGrow_MatchesOracle(int time, int headSize)
    {
        foreach (DataType storage in Types)
        {
            int seed = TestSeed.Next();
            var data = new AttentionCase(new AttentionShape(1, time, 1, headSize), DocumentLayout.None, storage, seed, growth: 0.25);
            CompareForward(data, storage, seed);
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Backward_EveryType_MatchesOracle(int batch, int time, int heads, int headSize, DocumentLayout documents)
    {
        foreach (DataType storage in Types)
        {
            int seed = TestSeed.Next();
            var data = new AttentionCase(new AttentionShape(batch, time, heads, headSize), documents, storage, seed);
            double[] actual = Backward(data, storage);
            double[] oracle = data.GradQkv();
            Assert.That(
                Tolerance.LargestError(oracle, actual), Is.LessThanOrEqualTo(data.BackwardBound(oracle)), $"gradQkv in {storage}; GPTENGINE_TEST_SEED={seed}");
        }
    }

    // Where the launcher would choose a block a head, pairs of warps, or warpgroups.
    [TestCase(33, 64, DocumentLayout.EveryToken, AttentionVariant.SmallBlocks)]
    [TestCase(161, 64, DocumentLayout.Ragged, AttentionVariant.SmallBlocks)]
    [TestCase(289, 96, DocumentLayout.Edges, AttentionVariant.SmallBlocks)]
    [TestCase(97, 96, DocumentLayout.Edges, AttentionVariant.LargeBlocks)]
    [TestCase(193, 64, DocumentLayout.Ragged, AttentionVariant.LargeBlocks)]
    [TestCase(289, 128, DocumentLayout.Edges, AttentionVariant.LargeBlocks)]
    public void BackwardByEarlierVariants_EveryType_MatchesOracle(int time, int headSize, DocumentLayout documents, AttentionVariant variant)
    {
        foreach (DataType storage in Types[1..])
        {
            int seed = TestSeed.Next();
            var data = new AttentionCase(new AttentionShape(1, time, 1, headSize), documents, storage, seed);
            using var launcher = new AttentionLauncher(_bench.Queue, storage, headSize, variant);
            double[] actual = Backward(data, storage, launcher);
            double[] oracle = data.GradQkv();
            Assert.That(
                Tolerance.LargestError(oracle, actual), Is.LessThanOrEqualTo(data.BackwardBound(oracle)), $"gradQkv in {storage}; GPTENGINE_TEST_SEED={seed}");
        }
    }

    // What a block a head is for: five products and not seven, and each tensor read once (gradO again for δ).
    [TestCase(128, 96)]
    [TestCase(256, 64)]
    public void Counters_WholeHeads_FiveProductsAndOneReading(int time, int headSize)
    {
        var shape = new AttentionShape(1, time, 1, headSize);
        var data = new AttentionCase(shape, DocumentLayout.None, DataType.Float16, TestSeed.Next());
        using var launcher = new AttentionLauncher(_bench.Queue, DataType.Float16, headSize, AttentionVariant.LargeBlocks);
        Backward(data, DataType.Float16, launcher);
        LaunchCounters counters = _bench.Launches[^1].Counters;

        // Tiles of 32 or 16 keys by 32 queries, those on the diagonal whole. On sm_70 tiles are blocks of their own.
        long pairs = (long)time * (time + 32) / 2;
        bool isWhole = architecture >= 80;
        using IDisposable scope = Assert.EnterMultipleScope();
        Assert.That(counters.TensorOperations, Is.LessThanOrEqualTo((isWhole ? 10 : 14) * pairs * headSize));
        Assert.That(counters.GlobalLoadSectors * 32, Is.LessThanOrEqualTo((isWhole ? 1.03 * 6 : 16) * time * headSize * sizeof(ushort)));
        Assert.That(counters.GlobalStoreSectors * 32, Is.EqualTo(3 * time * headSize * sizeof(ushort)));
    }

    [TestCase(97)]
    [TestCase(AttentionKernels.ShortTime + 1)]
    public void ForwardAndBackward_AnotherDocumentChanged_LeaveTheRestToTheBit(int time)
    {
        foreach (DataType storage in Types)
        {
            var data = new AttentionCase(new AttentionShape(1, time, 1, 64), DocumentLayout.Edges, storage, TestSeed.Next());
            double[] output = Forward(data, storage).Output;
            double[] gradient = Backward(data, storage);

            // The last but one document, in the middle of tiles.
            (int first, int end) = ((time / 2) + 1, time - 1);
            for (int i = first * 192; i < end * 192; i++)
            {
                data.Qkv[i] = Tolerance.Round(-3 * data.Qkv[i], storage);
            }

            double[] changedOutput = Forward(data, storage).Output;
            double[] changedGradient = Backward(data, storage);
            Assert.That(Others(changedOutput, 64), Is.EqualTo(Others(output, 64)));
            Assert.That(Others(changedGradient, 192), Is.EqualTo(Others(gradient, 192)));
            Assert.That(changedOutput, Is.Not.EqualTo(output));

            double[] Others(double[] rows, int width) => [.. rows.Where((_, i) => i / width < first || i / width >= end)];
        }
    }

    [TestCase(64)]
    [TestCase(96)]
    [TestCase(128)]
    public void Counters_TunedHeadSizes_CoalescedAndWithoutBankConflicts(int headSize)
    {
        foreach (DataType storage in Types)
        {
            var data = new AttentionCase(new AttentionShape(1, 64, 2, headSize), DocumentLayout.None, storage, TestSeed.Next());
            int before = _bench.Launches.Count;
            Forward(data, storage);
            Backward(data, storage);
            using IDisposable scope = Assert.EnterMultipleScope();
            long stored = _bench.Launches.Skip(before).Sum(report => report.Counters.GlobalStoreBytes);
            long sectors = _bench.Launches.Skip(before).Sum(report => report.Counters.GlobalStoreSectors);
            Assert.That(32 * sectors, Is.LessThanOrEqualTo(1.05 * stored), $"{storage}: stores in whole sectors");
            foreach (LaunchReport report in _bench.Launches.Skip(before))
            {
                LaunchCounters counters = report.Counters;
                TestContext.Out.WriteLine(
                    $"{storage} {report.Kernel}: {counters.GlobalLoadBytes} bytes in {counters.GlobalLoadSectors} sectors, {counters.SharedWavefronts} wavefronts of {counters.SharedIdealWavefronts}, {report.Seconds:F2} s");
                Assert.That(counters.SharedWavefronts, Is.EqualTo(counters.SharedIdealWavefronts), $"{storage} {report.Kernel}: bank conflicts");
                Assert.That(counters.LocalBytes, Is.Zero);
            }
        }
    }

    // What an operand read from shared memory costs is what made these kernels slow: each is used for two products.
    [Test]
    public void Counters_TensorCores_WaitLittleForSharedMemory()
    {
        var data = new AttentionCase(new AttentionShape(1, 256, 1, 64), DocumentLayout.None, DataType.Float16, TestSeed.Next());
        int before = _bench.Launches.Count;
        Forward(data, DataType.Float16);
        Backward(data, DataType.Float16);
        double operationsPerCycle = architecture == 70 ? 1024 : 2048;
        using IDisposable scope = Assert.EnterMultipleScope();
        foreach (LaunchReport report in _bench.Launches.Skip(before))
        {
            double tensorCycles = report.Counters.TensorOperations / operationsPerCycle;

            // A block a head makes five products and not seven, and hands gradS through shared memory: fewer cycles of either, but by less.
            double allowed = report.Kernel.Contains("backward_whole", StringComparison.Ordinal) ? 1.31 : 1.12;
            Assert.That(report.Counters.SharedWavefronts, Is.LessThanOrEqualTo(allowed * tensorCycles), report.Kernel);
        }
    }

    [Test]
    public void Counters_ShortDocuments_LoadNoTileThatTheyEmpty()
    {
        foreach (DataType storage in Types)
        {
            long[] bytes = [.. new[] { DocumentLayout.None, DocumentLayout.EveryToken }.Select(documents =>
            {
                var data = new AttentionCase(new AttentionShape(1, 512, 1, 64), documents, storage, TestSeed.Next());
                int before = _bench.Launches.Count;
                Forward(data, storage);
                return _bench.Launches.Skip(before).Sum(report => report.Counters.GlobalLoadBytes);
            })];

            // With a document a token, Q, K and V are read once each.
            long least = 512 * 3 * 64 * storage.SizeInBytes();
            Assert.That(bytes[1], Is.LessThan(least + (512 * 64)), $"{storage}");
            Assert.That(bytes[0], Is.GreaterThan(bytes[1]));
        }
    }

    [TestCase(AttentionKernels.ShortTime)]
    [TestCase(2 * AttentionKernels.ShortTime)]
    public void Counters_ShortDocumentsBackward_LoadNoTileThatTheyEmpty(int time)
    {
        foreach (DataType storage in Types)
        {
            var data = new AttentionCase(new AttentionShape(1, time, 1, 64), DocumentLayout.EveryToken, storage, TestSeed.Next());
            int before = _bench.Launches.Count;
            Backward(data, storage);

            // Two passes read q, k, v and gradO each, and O and gradO for δ: one of them, or both.
            long array = (long)time * 64 * storage.SizeInBytes();
            Assert.That(_bench.Launches.Skip(before).Sum(report => report.Counters.GlobalLoadBytes), Is.LessThan((12 * array) + (time * 96)), $"{storage}");
        }
    }

    [Test]
    public void Forward_ShapeOfAnotherHeadSize_IsRefused()
    {
        var data = new AttentionCase(new AttentionShape(1, 2, 1, 8), DocumentLayout.None, DataType.Float32, 1);
        AttentionLauncher other = Launcher(DataType.Float32, 16);

        ArgumentException error = Assert.Throws<ArgumentException>(() => Forward(data, DataType.Float32, other))!;

        Assert.That(error.Message, Does.StartWith("the kernels were compiled for D=16"));
    }

    public void Dispose()
    {
        foreach (AttentionLauncher launcher in _launchers.Values)
        {
            launcher.Dispose();
        }

        _bench.Dispose();
    }

    private static DataType[] Types => [DataType.Float32, DataType.Float16, DataType.BFloat16];

    private void CompareForward(AttentionCase data, DataType storage, int seed)
    {
        (double[] output, double[] logSumExp) = Forward(data, storage);
        (double outputBound, double logSumExpBound) = data.ForwardBounds();
        using IDisposable scope = Assert.EnterMultipleScope();
        Assert.That(Tolerance.LargestError(data.Output, output), Is.LessThanOrEqualTo(outputBound), $"output in {storage}; GPTENGINE_TEST_SEED={seed}");
        Assert.That(
            Tolerance.LargestError(data.LogSumExp, logSumExp), Is.LessThanOrEqualTo(logSumExpBound), $"logSumExp in {storage}; GPTENGINE_TEST_SEED={seed}");
    }

    private (double[] Output, double[] LogSumExp) Forward(AttentionCase data, DataType storage, AttentionLauncher? launcher = null)
    {
        AttentionShape shape = data.Shape;
        Tensor output = _bench.Poisoned("output", storage, shape.Rows, shape.Channels);
        Tensor logSumExp = _bench.Poisoned("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time);
        int before = _bench.Launches.Count;
        (launcher ?? Launcher(storage, shape.HeadSize)).Forward(
            _bench.Upload("qkv", storage, data.Qkv, shape.Rows, 3 * shape.Channels),
            _bench.Upload("documentStart", data.Starts, shape.Batch, shape.Time),
            output,
            logSumExp,
            shape);
        Assert.That(_bench.Launches, Has.Count.GreaterThan(before));
        (double[], double[]) result = (_bench.Download(output), _bench.Download(logSumExp));
        _bench.Clear();
        return result;
    }

    private double[] Backward(AttentionCase data, DataType storage, AttentionLauncher? launcher = null)
    {
        AttentionShape shape = data.Shape;
        Tensor gradient = _bench.Poisoned("gradQkv", storage, shape.Rows, 3 * shape.Channels);
        int before = _bench.Launches.Count;
        (launcher ?? Launcher(storage, shape.HeadSize)).Backward(
            _bench.Upload("qkv", storage, data.Qkv, shape.Rows, 3 * shape.Channels),
            _bench.Upload("documentStart", data.Starts, shape.Batch, shape.Time),
            _bench.Upload("output", storage, data.Output, shape.Rows, shape.Channels),
            _bench.Upload("logSumExp", DataType.Float32, data.LogSumExp, shape.Batch, shape.Heads, shape.Time),
            _bench.Upload("gradOutput", storage, data.GradOutput, shape.Rows, shape.Channels),
            gradient,
            shape,
            _bench.Poisoned("workspace", DataType.Float32, AttentionLauncher.BackwardWorkspaceBytes(shape) / sizeof(float)));
        Assert.That(_bench.Launches, Has.Count.GreaterThan(before));
        double[] result = _bench.Download(gradient);
        _bench.Clear();
        return result;
    }

    private AttentionLauncher Launcher(DataType storage, int headSize)
    {
        if (!_launchers.TryGetValue((storage, headSize), out AttentionLauncher? launcher))
        {
            launcher = new AttentionLauncher(_bench.Queue, storage, headSize);
            _launchers.Add((storage, headSize), launcher);
        }

        return launcher;
    }
}
