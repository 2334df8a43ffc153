using System.IO;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>What a run keeps for its backward pass, by the memory of the device that it finds.</summary>
public sealed class ActivationChoiceTests
{
    private const long Reserved = 1L << 30;
    private const int MicroBatch = 4;

    private static readonly RunConfiguration Run = TestRuns.Small with { Model = TestRuns.Small.Model with { NLayers = 6 } };

    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Auto_MemoryForOnePolicy_TakesIt_AndTheAllocatorGivesIt([Values] ActivationPolicy policy)
    {
        long bytes = Needed(policy);
        using CudaOperations operations = Open(SimulatedGpus.V100 with { MemoryBytes = Reserved + bytes }, DataType.Float32);
        using Device device = operations.Device;

        ActivationChoice choice = ActivationChoice.For(Run, MicroBatch, operations, layout: null);

        Assert.That(choice.Policy, Is.EqualTo(policy));
        Assert.That(choice.Note, policy == ActivationPolicy.KeepAll ? Is.Null : Does.StartWith("Memory: ").And.Contain("everything kept would take"));
        using var memory = new PlannedMemory(device, new TrainingMemory(Run.Model, operations, MicroBatch, choice.Policy, samples: true).Plan);
    }

    [Test]
    public void Auto_NothingFits_SaysWhatEachWouldTake()
    {
        using CudaOperations operations = Open(SimulatedGpus.V100 with { MemoryBytes = Reserved + Needed(ActivationPolicy.RecomputeBlocks) - 1 }, DataType.Float32);
        using Device device = operations.Device;

        UserErrorException error = Assert.Throws<UserErrorException>(() => ActivationChoice.For(Run, MicroBatch, operations, layout: null))!;

        Assert.That(error.Message, Does.Match(
            @"^Simulated V100 can give this run \d+\.\d+ MiB, and it needs .* MiB with everything kept, .* MiB with the norms computed again, .* MiB with whole blocks computed again, at a micro-batch of 4\. Take a smaller"));
    }

    [Test]
    public void None_ThatDoesNotFit_PointsToAuto()
    {
        using CudaOperations operations = Open(SimulatedGpus.V100 with { MemoryBytes = Reserved + Needed(ActivationPolicy.RecomputeBlocks) }, DataType.Float32);
        using Device device = operations.Device;
        RunConfiguration run = Run with { Training = Run.Training with { Recompute = Recomputation.None } };

        UserErrorException error = Assert.Throws<UserErrorException>(() => ActivationChoice.For(run, MicroBatch, operations, layout: null))!;

        Assert.That(error.Message, Does.Contain("training.recompute \"auto\" takes what fits"));
    }

    [TestCase(Recomputation.Auto, ActivationPolicy.KeepAll)]
    [TestCase(Recomputation.None, ActivationPolicy.KeepAll)]
    [TestCase(Recomputation.Norms, ActivationPolicy.RecomputeNorms)]
    [TestCase(Recomputation.Blocks, ActivationPolicy.RecomputeBlocks)]
    public void Host_HasNoLimit_SoWhatWasAskedForIsTaken(Recomputation asked, ActivationPolicy expected)
    {
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        RunConfiguration run = Run with { Training = Run.Training with { Recompute = asked } };

        Assert.That(ActivationChoice.For(run, MicroBatch, operations, layout: null), Is.EqualTo(new ActivationChoice(expected, null)));
        (operations as System.IDisposable)?.Dispose();
    }

    /// <summary>The preset's own micro-batch, and larger ones, on a V100 of 32 GB as the simulator has it.</summary>
    [TestCase(20, ActivationPolicy.KeepAll)]
    [TestCase(80, ActivationPolicy.KeepAll)]
    [TestCase(86, ActivationPolicy.RecomputeNorms)]
    [TestCase(120, ActivationPolicy.RecomputeBlocks)]
    public void Gpt1b_OnAV100(int microBatch, ActivationPolicy expected)
    {
        var model = new ModelConfiguration { VocabSize = 50_257, ContextLength = 128, DModel = 1728, NLayers = 24, NHeads = 18 };
        using CudaOperations operations = Open(SimulatedGpus.V100, DataType.Float16);
        using Device device = operations.Device;

        ActivationChoice choice = ActivationChoice.For(Run with { Model = model }, microBatch, operations, layout: null);

        TestContext.Out.WriteLine(choice.Note);
        Assert.That(choice.Policy, Is.EqualTo(expected));
    }

    /// <summary>With what the device takes for itself.</summary>
    private long Needed(ActivationPolicy policy)
    {
        using CudaOperations operations = Open(SimulatedGpus.V100, DataType.Float32);
        using Device device = operations.Device;
        long taken = SimulatedGpus.V100.MemoryBytes - Reserved - device.PlannableBytes!.Value;
        return taken + new TrainingMemory(Run.Model, operations, MicroBatch, policy, samples: true).Plan.TotalBytes;
    }

    private CudaOperations Open(GpuDeviceProperties gpu, DataType storage) => GpuOperations.Simulated(
        new SimulatedDriver(gpu, new SimulatorOptions()), storage, new GpuOptions { HostThreads = 1 }, new CompileCache(new SilentDriver.Compiler(), _folder));
}
