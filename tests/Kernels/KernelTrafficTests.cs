using System;
using System.Linq;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Cast;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// What the kernels move, by the simulated GPU's counters, against what their launchers say is the least: at most 1.05 times, in full
/// sectors. These are exact figures, so a change of one sector shows.
/// </summary>
[RequiresNvrtc]
[TestFixture(DataType.Float32)]
[TestFixture(DataType.Float16)]
[TestFixture(DataType.BFloat16)]
public sealed class KernelTrafficTests(DataType storage)
{
    private const int SectorBytes = 32;
    private const double Allowed = 1.05;

    private SimulatedDriver _driver = null!;
    private LauncherOperations _operations = null!;

    [SetUp]
    public void SetUp()
    {
        _driver = new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { HostThreads = 2, KeepReports = true });
        _operations = new LauncherOperations(_driver, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder), storage);
    }

    [TearDown]
    public void TearDown() => _operations.Device.Dispose();

    // 64 rows of C: the weight and bias that every row reads again come from a cache on a GPU, so they are taken off.
    [Test]
    public void LayerNormForward_MovesTheLeast([Values(512, 768, 1024, 1728)] int channels, [Values] bool residual)
    {
        const int rows = 64;
        Check(
            LayerNormLauncher.ForwardCost(storage, rows, channels, residual),
            bench => _operations.LayerNormForward(
                bench.Read("x", TensorKind.Storage, rows, channels),
                residual ? bench.Read("delta", TensorKind.Storage, rows, channels) : null,
                residual ? bench.Write("sum", TensorKind.Storage, rows, channels) : null,
                bench.Read("weight", TensorKind.Storage, channels),
                bench.Read("bias", TensorKind.Storage, channels),
                bench.Write("y", TensorKind.Storage, rows, channels),
                bench.Write("mean", TensorKind.Master, rows),
                bench.Write("rstd", TensorKind.Master, rows),
                1e-5f,
                Dropout.None),
            cachedBytes: 2L * rows * channels * storage.SizeInBytes());
    }

    // The price of sums in a fixed order: partial gradients of weight and bias, written once and read once, and the results. A group of
    // threads reads the weights once, and each of its warps mean and rstd: a cache holds those, so they are taken off.
    [Test]
    public void LayerNormBackward_MovesTheLeastAndItsPartialSums([Values(512, 768, 1024, 1728)] int channels, [Values] bool residual)
    {
        const int rows = 256;
        long partials = LayerNormLauncher.BackwardWorkspaceBytes(rows, channels);
        long slices = partials / (2L * channels * sizeof(float));
        long warpsOfARow = DeviceTypes.CeilingDivide(channels / storage.PackSize(), DeviceTypes.WarpSize);
        long groups = LayerNormKernels.BackwardResident(storage, channels, hasDropout: false)!.BlockY;
        KernelCost least = LayerNormLauncher.BackwardCost(storage, rows, channels, residual, hasDropout: false);
        Check(
            least + new KernelCost((2 * partials) + (2L * channels * sizeof(float)), 0),
            bench =>
            {
                bench.Workspace(_ => partials);
                _operations.LayerNormBackward(
                    bench.Read("gradY", TensorKind.Storage, rows, channels),
                    bench.Read("sum", TensorKind.Storage, rows, channels),
                    bench.Read("weight", TensorKind.Storage, channels),
                    bench.Read("mean", TensorKind.Master, rows),
                    bench.Read("rstd", TensorKind.Master, Array.ConvertAll(bench.Normal(rows), Math.Abs), rows),
                    residual ? bench.Update("gradSum", TensorKind.Storage, rows, channels) : bench.Write("gradSum", TensorKind.Storage, rows, channels),
                    bench.Write("gradWeight", TensorKind.Master, channels),
                    bench.Write("gradBias", TensorKind.Master, channels),
                    null,
                    residual,
                    Dropout.None,
                    accumulate: false);
            },
            cachedBytes: (slices * groups * channels * storage.SizeInBytes()) + (rows * 2 * ((warpsOfARow * SectorBytes) - 4)));
    }

    // 512 positions of 64 tokens. What is looked up again and again stays in a cache, so it is taken off: each warp asks whose its block's
    // place and the one before are, and where its token's run of 8 ends, and each row's place is looked up for every tile of the channels.
    [TestCase(512)]
    [TestCase(768)]
    [TestCase(1728)]
    public void EmbeddingBackward_MovesTheLeast(int channels)
    {
        const int rows = 512;
        const int tokens = 64;
        const int warps = 4;
        long tiles = DeviceTypes.CeilingDivide(channels, DeviceTypes.WarpSize * storage.PackSize());
        long lookUps = (2 * rows * warps) + (tokens * warps * (DeviceTypes.WarpSize * sizeof(int) / SectorBytes)) + (rows * tiles);
        CheckOne("embedding_backward", EmbeddingLauncher.BackwardCost(storage, rows, tokens, channels), lookUps * SectorBytes, bench =>
        {
            bench.Workspace(_ => EmbeddingLauncher.BackwardWorkspaceBytes(rows));
            _operations.EmbeddingBackward(
                bench.Read("tokens", [.. Enumerable.Range(0, rows).Select(i => i * 7 % tokens)], 2, rows / 2),
                bench.Read("gradOutput", TensorKind.Storage, rows, channels),
                bench.Update("gradTokenEmbedding", TensorKind.Master, tokens, channels),
                null,
                Dropout.None,
                accumulate: true);
        });
    }

    [Test]
    public void EmbeddingPositionBackward_MovesTheLeast([Values(768, 1728)] int channels, [Values] bool accumulate)
    {
        const int rows = 128;
        const int time = 32;
        CheckOne("embedding_position_backward", EmbeddingLauncher.PositionBackwardCost(storage, rows, time, channels, accumulate), 0, bench =>
        {
            bench.Workspace(_ => EmbeddingLauncher.BackwardWorkspaceBytes(rows));
            _operations.EmbeddingBackward(
                bench.Read("tokens", bench.Integers(rows, 100), rows / time, time),
                bench.Read("gradOutput", TensorKind.Storage, rows, channels),
                bench.Update("gradTokenEmbedding", TensorKind.Master, 100, channels),
                bench.Gradient("gradPositionEmbedding", accumulate, time, channels),
                Dropout.None,
                accumulate);
        });
    }

    // 2,560 rows: gpt-1b's micro-batch, where the slices' sums weigh most.
    [TestCase(512)]
    [TestCase(1728)]
    public void BiasGradient_MovesTheLeast(int channels)
    {
        const int rows = 2560;
        var launcher = new BiasGradientLauncher(_operations.Queue, storage);
        Check(BiasGradientLauncher.Cost(storage, rows, channels), bench => launcher.Launch(
            KernelQueue.PointerTo(bench.Read("gradY", TensorKind.Storage, rows, channels)),
            rows,
            channels,
            KernelQueue.PointerTo(bench.Update("gradBias", TensorKind.Master, channels)),
            accumulate: true,
            KernelQueue.PointerTo(bench.Write("workspace", TensorKind.Single, BiasGradientLauncher.WorkspaceBytes(rows, channels) / sizeof(float)))));
    }

    [Test]
    public void Cast_MovesTheLeast()
    {
        const int count = 64 * 1024;
        if (storage == DataType.Float32)
        {
            return;
        }

        var launcher = new CastLauncher(_operations.Queue);
        Check(CastLauncher.Cost(DataType.Float32, storage, count), bench => launcher.Launch(
            bench.Read("source", TensorKind.Single, count), bench.Write("destination", TensorKind.Storage, count)));
        Check(CastLauncher.Cost(storage, DataType.Float32, count), bench => launcher.Launch(
            bench.Read("source", TensorKind.Storage, count), bench.Write("destination", TensorKind.Single, count)));
    }

    [Test]
    public void Activation_MovesTheLeast()
    {
        const int count = 64 * 1024;
        var launcher = new ActivationLauncher(_operations.Queue, storage, Activation.GeluTanh);
        Check(ActivationLauncher.ForwardCost(storage, count), bench =>
            launcher.Forward(bench.Read("z", TensorKind.Storage, count), bench.Write("y", TensorKind.Storage, count)));
        Check(ActivationLauncher.BackwardCost(storage, count), bench => launcher.Backward(
            bench.Read("gradY", TensorKind.Storage, count), bench.Read("z", TensorKind.Storage, count), bench.Write("gradZ", TensorKind.Storage, count)));
    }

    [Test]
    public void CrossEntropy_MovesTheLeast()
    {
        const int rows = 4;
        const int padded = 50_304;
        Check(CrossEntropyLauncher.Cost(storage, rows, padded, gradient: true), bench => new CrossEntropyLauncher(_operations.Queue, storage, padded).Launch(
            bench.Update("logits", TensorKind.Storage, rows, padded),
            bench.Read("targets", [0, 5, 50_256, 17], rows),
            bench.Write("losses", TensorKind.Master, rows),
            50_257,
            1,
            bench.Scalars(written: false, (StepScalar.LossScale, 1)),
            gradient: true));
    }

    [Test]
    public void AdamW_MovesTheLeast()
    {
        const int count = 256 * 1024;
        var launcher = new AdamWLauncher(_operations.Queue, storage);
        Check(AdamWLauncher.Cost(storage, count), bench => launcher.Launch(
            bench.Update("parameters", TensorKind.Master, count),
            bench.Read("gradients", TensorKind.Master, count),
            bench.Update("firstMoment", TensorKind.Master, count),
            bench.Update("secondMoment", TensorKind.Master, Array.ConvertAll(bench.Normal(count), Math.Abs), count),
            storage == DataType.Float32 ? null : bench.Write("copy", TensorKind.Storage, count),
            1000,
            bench.Scalars(written: false, (StepScalar.IsFinite, 1), (StepScalar.AppliedUpdates, BitConverter.UInt32BitsToSingle(3))),
            new AdamWOptions(0.9f, 0.95f, 1e-8f, 0.1f, 1)), cachedBytes: 4L * SectorBytes * count / 128);
    }

    [Test]
    public void GradientNorm_MovesTheLeast()
    {
        const int count = 256 * 1024;
        Check(GradientNormLauncher.Cost(count), bench => new GradientNormLauncher(_operations.Queue, storage).Launch(
            bench.Read("gradients", TensorKind.Master, count),
            bench.Scalars(written: true, (StepScalar.LossScale, 1)),
            new AdamWOptions(0.9f, 0.95f, 1e-8f, 0.1f, 1),
            bench.Write("workspace", TensorKind.Single, GradientNormLauncher.WorkspaceBytes(count) / sizeof(float))));
    }

    // Every row of a batch's sequences reads its angles again, and each half of a pack of 16 bits takes a look of its own at their sectors.
    [Test]
    public void Rotary_MovesTheLeast()
    {
        var shape = new AttentionShape(2, 32, 8, 64);
        int half = shape.HeadSize / 2;
        long looksOfARow = 2L * shape.Heads * half / storage.PackSize() / DeviceTypes.WarpSize * (storage == DataType.Float32 ? 1 : 2);
        long looks = 2 * shape.Rows * looksOfARow * half * sizeof(float);
        using var launcher = new RotaryLauncher(_operations.Queue, storage);
        Check(
            RotaryLauncher.Cost(storage, shape),
            bench => launcher.Rotate(
                bench.Update("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
                bench.Read("cosine", TensorKind.Master, shape.Time, half),
                bench.Read("sine", TensorKind.Master, shape.Time, half),
                shape,
                firstPosition: 0,
                inverse: false),
            cachedBytes: looks - (2L * shape.Time * half * sizeof(float)));
    }

    [Test]
    public void CacheKeysAndValues_MovesTheLeast()
    {
        var shape = new AttentionShape(2, 32, 2, 64);
        using var launcher = new AttentionDecodeLauncher(_operations.Queue, storage, shape.HeadSize);
        Check(AttentionDecodeLauncher.CacheCost(storage, shape), bench => launcher.Cache(
            bench.Read("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            bench.Write("keyCache", TensorKind.Storage, shape.Batch, shape.Heads, shape.Time, shape.HeadSize),
            bench.Write("valueCache", TensorKind.Storage, shape.Batch, shape.Heads, shape.Time, shape.HeadSize),
            shape));
    }

    [TestCase(64)]
    [TestCase(96)]
    [TestCase(128)]
    public void AttentionDecode_MovesTheLeast(int headSize)
    {
        const int position = 255;
        var shape = new AttentionShape(2, 1, 2, headSize);
        using var launcher = new AttentionDecodeLauncher(_operations.Queue, storage, headSize);
        Check(AttentionDecodeLauncher.DecodeCost(storage, shape, position + 1), bench => launcher.Decode(
            bench.Read("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            bench.Update("keyCache", TensorKind.Storage, shape.Batch, shape.Heads, position + 1, headSize),
            bench.Update("valueCache", TensorKind.Storage, shape.Batch, shape.Heads, position + 1, headSize),
            bench.Read("documentStart", new int[shape.Batch], shape.Batch),
            bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
            position,
            shape));
    }

    // The sequences of a batch share the rows of their positions.
    [Test]
    public void EmbeddingForwardWithPositions_MovesTheLeast()
    {
        const int rows = 128;
        const int time = 64;
        const int channels = 768;
        Check(
            EmbeddingLauncher.ForwardCost(storage, rows, time, channels, hasPositions: true),
            bench => _operations.EmbeddingForward(
                bench.Read("tokens", bench.Integers(rows, 1000), rows / time, time),
                bench.Read("table", TensorKind.Storage, 1024, channels),
                bench.Read("positions", TensorKind.Storage, time, channels),
                bench.Write("output", TensorKind.Storage, rows, channels),
                0,
                Dropout.None),
            cachedBytes: (long)(rows - time) * channels * storage.SizeInBytes());
    }

    [Test]
    public void EmbeddingForward_MovesTheLeast() => Check(EmbeddingLauncher.ForwardCost(storage, 128, 64, 768, hasPositions: false), bench =>
        _operations.EmbeddingForward(
            bench.Read("tokens", bench.Integers(128, 1000), 2, 64),
            bench.Read("table", TensorKind.Storage, 1024, 768),
            null,
            bench.Write("output", TensorKind.Storage, 128, 768),
            0,
            Dropout.None));

    /// <summary>All launches together.</summary>
    /// <param name="least">What the launcher says.</param>
    /// <param name="launch">Launches.</param>
    /// <param name="cachedBytes">What many warps read again, and a cache holds.</param>
    private void Check(KernelCost least, Action<OperationBench> launch, long cachedBytes = 0) => Check(least, cachedBytes, launch, _ => true);

    /// <summary>One kernel of an operation that launches several.</summary>
    private void CheckOne(string kernel, KernelCost least, long cachedBytes, Action<OperationBench> launch) =>
        Check(least, cachedBytes, launch, report => report.Kernel.Contains(kernel, StringComparison.Ordinal));

    private void Check(KernelCost least, long cachedBytes, Action<OperationBench> launch, Func<LaunchReport, bool> counts)
    {
        int before = _driver.Launches.Count;
        using var bench = new OperationBench(_operations, storage, DataType.Float32, TestSeed.Next());
        launch(bench);
        LaunchReport[] launches = [.. _driver.Launches.Skip(before).Where(counts)];
        Assert.That(launches, Is.Not.Empty, "the kernel was launched");
        long sectors = 0;
        long asked = 0;
        foreach (LaunchReport report in launches)
        {
            LaunchCounters counters = report.Counters;
            sectors += counters.GlobalLoadSectors + counters.GlobalStoreSectors;
            asked += counters.GlobalLoadBytes + counters.GlobalStoreBytes;
            Assert.That(counters.SharedWavefronts, Is.EqualTo(counters.SharedIdealWavefronts), $"{report.Kernel}: bank conflicts");
            Assert.That(counters.LocalBytes, Is.Zero, $"{report.Kernel}: local memory");
        }

        long moved = sectors * SectorBytes;
        Assert.That((moved - cachedBytes) / (double)least.Bytes, Is.InRange(0.95, Allowed), "of the least bytes");
        Assert.That(moved / (double)asked, Is.AtMost(Allowed), "sectors that lanes did not ask for all of");
        bench.Collect();
    }
}
