using System;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
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
    [TestCase(512)]
    [TestCase(1728)]
    public void LayerNormForward_MovesTheLeast(int channels) => Check(LayerNormLauncher.ForwardCost(storage, 64, channels, hasDelta: true), bench =>
        _operations.LayerNormForward(
            bench.Read("x", TensorKind.Storage, 64, channels),
            bench.Read("delta", TensorKind.Storage, 64, channels),
            bench.Write("sum", TensorKind.Storage, 64, channels),
            bench.Read("weight", TensorKind.Storage, channels),
            bench.Read("bias", TensorKind.Storage, channels),
            bench.Write("y", TensorKind.Storage, 64, channels),
            bench.Write("mean", TensorKind.Master, 64),
            bench.Write("rstd", TensorKind.Master, 64),
            1e-5f,
            Dropout.None), cachedBytes: 2L * 64 * channels * storage.SizeInBytes());

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

    [Test]
    public void EmbeddingForward_MovesTheLeast() => Check(EmbeddingLauncher.ForwardCost(storage, 128, 64, 768, hasPositions: false), bench =>
        _operations.EmbeddingForward(
            bench.Read("tokens", bench.Integers(128, 1000), 2, 64),
            bench.Read("table", TensorKind.Storage, 1024, 768),
            null,
            bench.Write("output", TensorKind.Storage, 128, 768),
            0,
            Dropout.None));

    /// <param name="least">What the launcher says.</param>
    /// <param name="launch">Launches.</param>
    /// <param name="cachedBytes">What many warps read again, and a cache holds.</param>
    private void Check(KernelCost least, Action<OperationBench> launch, long cachedBytes = 0)
    {
        int before = _driver.Launches.Count;
        using var bench = new OperationBench(_operations, storage, DataType.Float32, TestSeed.Next());
        launch(bench);
        long sectors = 0;
        for (int i = before; i < _driver.Launches.Count; i++)
        {
            LaunchCounters counters = _driver.Launches[i].Counters;
            sectors += counters.GlobalLoadSectors + counters.GlobalStoreSectors;
            Assert.That(counters.SharedWavefronts, Is.EqualTo(counters.SharedIdealWavefronts), $"{_driver.Launches[i].Kernel}: bank conflicts");
            Assert.That(counters.LocalBytes, Is.Zero, $"{_driver.Launches[i].Kernel}: local memory");
        }

        Assert.That(_driver.Launches, Has.Count.GreaterThan(before), "the kernel was launched");
        Assert.That(((sectors * SectorBytes) - cachedBytes) / (double)least.Bytes, Is.InRange(0.95, Allowed));
        bench.Collect();
    }
}
