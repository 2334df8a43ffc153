using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
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

    /// <summary>Three GPUs of which the last has others on it: all do what it must.</summary>
    [Test]
    public void Ranks_AgreeOnWhatTheSmallestNeeds_AndOneSaysSo([Values] ActivationPolicy smallest)
    {
        long[] memory = [.. new[] { ActivationPolicy.KeepAll, ActivationPolicy.KeepAll, smallest }.Select(policy => Reserved + Needed(policy, world: 3))];
        ActivationChoice[] choices = Agree(memory);
        Assert.That(choices.Select(choice => choice.Policy), Is.All.EqualTo(smallest));
        Assert.That(choices[0].Note, smallest == ActivationPolicy.KeepAll ? Is.Null : Does.Match(
            @"^Memory: .* computed again, on all ranks as on rank 2, whose device can give \d+\.\d+ MiB; the plan here, with everything kept, would fit in \d+\.\d+ MiB\.$"));
        Assert.That(choices.Skip(1).Select(choice => choice.Note), Is.All.Null);
    }

    [Test]
    public void Ranks_OneOfThemTooSmall_IsNamed()
    {
        long enough = Reserved + Needed(ActivationPolicy.KeepAll, world: 3);
        UserErrorException error = Assert.Throws<UserErrorException>(() => Agree([enough, Reserved, enough]))!;
        Assert.That(error.Message, Does.Contain("Simulated V100 can give this run 0.00 MiB, and it needs "));
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

    /// <summary>By the simulator's allocator, which has 32 GB to give. The host's pages are taken once something is written there: nothing is.</summary>
    [Test]
    public void Gpt1b_At20By128_IsGivenByAV100()
    {
        var model = new ModelConfiguration { VocabSize = 50_257, ContextLength = 128, DModel = 1728, NLayers = 24, NHeads = 18 };
        using CudaOperations operations = Open(SimulatedGpus.V100, DataType.Float16);
        using Device device = operations.Device;
        MemoryPlan plan = new TrainingMemory(model, operations, 20, ActivationPolicy.KeepAll, samples: true).Plan;
        using var driver = new SimulatedDriver(SimulatedGpus.V100, new SimulatorOptions());
        int pieces = 0;
        try
        {
            plan.Bind((_, bytes) =>
            {
                pieces++;
                return (nuint)driver.Allocate(bytes, "gpt-1b").Address;
            });
        }
        catch (OutOfMemoryException)
        {
            Assert.Ignore($"This machine does not give {plan.TotalBytes >> 30} GiB, not even of pages that nobody touches.");
        }

        Assert.That(pieces, Is.InRange(1, 10), "a few allocations");
        Assert.That(driver.MemoryInfo.Free, Is.EqualTo(SimulatedGpus.V100.MemoryBytes - plan.TotalBytes).And.GreaterThan(Reserved));
    }

    /// <summary>What ranks on V100s with so much memory agree on.</summary>
    private ActivationChoice[] Agree(long[] memory)
    {
        CudaOperations[] operations = [.. memory.Select(bytes => Open(SimulatedGpus.V100 with { MemoryBytes = bytes }, DataType.Float32))];
        var choices = new ActivationChoice[memory.Length];
        LocalRanks.Run(memory.Length, rank => operations[rank].Device, (group, _) =>
        {
            using CudaOperations own = operations[group.Rank];
            choices[group.Rank] = ActivationChoice.Agreed(Run, MicroBatch, own, new RankLayout(group.Rank, group.WorldSize), new RankAgreement(group));
        });
        return choices;
    }

    /// <summary>With what the device takes for itself.</summary>
    private long Needed(ActivationPolicy policy, int? world = null)
    {
        using CudaOperations operations = Open(SimulatedGpus.V100, DataType.Float32);
        using Device device = operations.Device;
        long taken = SimulatedGpus.V100.MemoryBytes - Reserved - device.PlannableBytes!.Value;
        return taken + new TrainingMemory(Run.Model, operations, MicroBatch, policy, samples: true, world is { } ranks ? new RankLayout(0, ranks) : null).Plan.TotalBytes;
    }

    private CudaOperations Open(GpuDeviceProperties gpu, DataType storage) => GpuOperations.Simulated(
        new SimulatedDriver(gpu, new SimulatorOptions()), storage, new GpuOptions { HostThreads = 1 }, new CompileCache(new SilentDriver.Compiler(), _folder));
}
