using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>What a step on a GPU asks of the host and of the GPU's memory. No kernel runs.</summary>
public sealed class GpuStepTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Step_AllocatesNothingManaged([Values] bool usesGraphs, [Values(DataType.Float32, DataType.BFloat16)] DataType storage)
    {
        RunConfiguration configuration = TestRuns.Small with
        {
            Model = TestRuns.Small.Model with { Dropout = 0.1f, Positions = PositionKind.Rotary },
            Training = TestRuns.Small.Training with { Precision = storage == DataType.Float32 ? Precision.Fp32 : Precision.Bf16 },
        };
        var driver = new SilentDriver();
        using CudaOperations operations = Silent(driver, storage, usesGraphs);
        using Device device = operations.Device;
        var meter = new AllocationMeter();
        var options = new TrainingSessionOptions { Tokens = TestRuns.Tokens, Observers = [meter] };
        using (TrainingSession session = TrainingSession.Create(configuration, operations, options))
        {
            session.Run();
        }

        // The first steps run code for the first time.
        Assert.That(meter.BytesPerStep.Skip(5).Max(), Is.Zero);
        Assert.That(driver.Launches, Is.GreaterThan(100));
    }

    /// <summary>
    /// By the driver's own calls: nothing is taken, loaded or waited out. The host waits for results of the step before, and for the slot of the
    /// micro-batch before the last: then the GPU has work of a micro-step or two still before it, and never runs dry.
    /// </summary>
    [Test]
    public void Step_TakesNothing_AndWaitsWithWorkAhead([Values] bool usesGraphs)
    {
        const int microSteps = 4;
        var driver = new SilentDriver();
        using CudaOperations operations = Silent(driver, DataType.Float16, usesGraphs);
        using Device device = operations.Device;
        var meter = new DriverMeter(driver);
        RunConfiguration configuration = TestRuns.Small with { Training = TestRuns.Small.Training with { Precision = Precision.Fp16 } };
        var options = new TrainingSessionOptions { Tokens = TestRuns.Tokens, Observers = [meter] };
        using (TrainingSession session = TrainingSession.Create(configuration, operations, options))
        {
            session.Run();
        }

        // The first steps begin with the run's own work, and behind the last there is nothing.
        var steady = meter.Steps[2..^1];
        Assert.Multiple(() =>
        {
            Assert.That(steady, Has.Count.GreaterThan(30));
            Assert.That(steady.Select(step => step.Disruptions), Has.All.Zero);
            Assert.That(steady.Select(step => step.Uploads), Has.All.EqualTo(microSteps + 1), "the tokens, and the step's scalars");
            Assert.That(steady.Select(step => step.Downloads), Has.All.EqualTo(1), "the metrics");
            Assert.That(steady.Select(step => step.LeastWorkBehindAWait), Has.All.GreaterThanOrEqualTo(2));
        });
    }

    // What a capture forbids differs by driver version: so all is compiled and loaded in a rehearsal that runs nothing.
    [Test]
    public void Capture_GoesThroughTheWorkFirst_AndLoadsNothingAfterwards()
    {
        using CudaOperations operations = Simulated();
        using Device device = operations.Device;
        using DeviceMemory memory = device.Allocate(4);
        using PinnedBuffer buffer = device.AllocatePinned(4);
        var scalar = new Tensor("scalar", DataType.Float32, memory.Address, 1);
        buffer.AsSpan<float>(0, 1)[0] = 3;
        device.Upload(buffer, 0, scalar);
        int calls = 0;

        using CapturedWork work = device.Capture("zero", () =>
        {
            calls++;
            operations.Zero(scalar);
        });

        device.Download(scalar, buffer, 0);
        device.Synchronize();
        Assert.That((calls, buffer.AsSpan<float>(0, 1)[0]), Is.EqualTo((2, 3f)), "gone through twice, and not run");
        work.Launch();
        device.Download(scalar, buffer, 0);
        device.Synchronize();
        Assert.That(buffer.AsSpan<float>(0, 1)[0], Is.Zero);
    }

    [Test]
    public void Capture_OfWorkThatLoadsAKernelLate_IsRefused()
    {
        var driver = new SilentDriver();
        using var device = new GpuDevice(driver);
        using var queue = new KernelQueue(driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), _folder), ImageFormat.Ptx);
        int calls = 0;

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => device.Capture("late", () =>
        {
            if (calls++ > 0)
            {
                queue.Load(BiasGradientLauncher.Reduce());
            }
        }))!;

        Assert.That(error.Message, Does.StartWith("bias_gradient_reduce would be loaded while work is recorded"));
        Assert.That(device.IsCapturing, Is.False);
    }

    /// <summary>The preset's own micro-batch on the smallest GPU that is supported: a V100 of 32 GB, some of it the driver's.</summary>
    [Test]
    public void Gpt1b_At20By128_FitsAV100()
    {
        var model = new ModelConfiguration { VocabSize = 50_257, ContextLength = 128, DModel = 1728, NLayers = 24, NHeads = 18 };
        using CudaOperations operations = Silent(new SilentDriver(), DataType.Float16, usesGraphs: true);
        using Device device = operations.Device;
        var memory = new TrainingMemory(model, operations, 20, ActivationPolicy.KeepAll, samples: true);
        double gibibytes = memory.Plan.TotalBytes / (double)(1L << 30);
        TestContext.Out.WriteLine($"gpt-1b, 20 × 128, fp16: {gibibytes:F2} GiB planned");
        foreach (MemoryCategory category in Enum.GetValues<MemoryCategory>())
        {
            TestContext.Out.WriteLine($"  {category}: {memory.Plan.BytesOf(category) / (double)(1L << 30):F2} GiB");
        }

        Assert.That(memory.Plan.TotalBytes, Is.LessThan(31L << 30));
    }

    /// <summary>On eight such GPUs the optimizer's shards leave room for far more than twice the preset's micro-batch.</summary>
    [Test]
    public void Gpt1b_Sharded_LeavesRoomForLargerMicroBatches()
    {
        var model = new ModelConfiguration { VocabSize = 50_257, ContextLength = 128, DModel = 1728, NLayers = 24, NHeads = 18 };
        using CudaOperations operations = Silent(new SilentDriver(), DataType.Float16, usesGraphs: true);
        using Device device = operations.Device;
        var layout = new RankLayout(0, 8);
        int whole = Largest(layout);
        int sharded = Largest(layout with { ShardsOptimizer = true });
        TestContext.Out.WriteLine($"gpt-1b on eight GPUs of 32 GB: micro-batch up to {whole}, sharded up to {sharded}");
        Assert.That(sharded, Is.GreaterThanOrEqualTo(2 * 20).And.GreaterThan(1.7 * whole));

        TrainingMemory memory = Plan(layout with { ShardsOptimizer = true }, 20);
        long elements = memory.Parameters.Map.ArenaCount;
        Assert.That(memory.Plan.BytesOf(MemoryCategory.Optimizer), Is.EqualTo(2 * elements * sizeof(float) / 8));
        Assert.That(memory.Plan.BytesOf(MemoryCategory.Parameters), Is.EqualTo((elements * sizeof(ushort)) + (elements * sizeof(float) / 8)).Within(512));

        int Largest(RankLayout layout) => MemoryBudget.LargestMicroBatch(microBatch => Plan(layout, microBatch), MemoryBudget.Of32Gigabytes);

        TrainingMemory Plan(RankLayout layout, int microBatch) => new(model, operations, microBatch, ActivationPolicy.KeepAll, samples: true, layout);
    }

    [TestCase(0)]
    [TestCase(1024)]
    public void LargestMicroBatch_WhereNothingFits_IsZero(long bytes)
    {
        using CudaOperations operations = Silent(new SilentDriver(), DataType.Float32, usesGraphs: true);
        using Device device = operations.Device;
        int most = MemoryBudget.LargestMicroBatch(
            batch => new TrainingMemory(TestRuns.Small.Model, operations, batch, ActivationPolicy.KeepAll, samples: false), bytes);
        Assert.That(most, Is.Zero);
    }

    [Test]
    public void LargestMicroBatch_IsTheLastThatFits([Values(1, 2, 15, 16, 17, 100)] int expected)
    {
        using CudaOperations operations = Silent(new SilentDriver(), DataType.Float32, usesGraphs: true);
        using Device device = operations.Device;
        Assert.That(MemoryBudget.LargestMicroBatch(Plan, Plan(expected).Plan.TotalBytes), Is.EqualTo(expected));

        TrainingMemory Plan(int batch) => new(TestRuns.Small.Model, operations, batch, ActivationPolicy.KeepAll, samples: false);
    }

    private CudaOperations Simulated() => GpuOperations.Simulated(
        new SimulatedDriver(SimulatedGpus.V100, new SimulatorOptions()),
        DataType.Float32,
        new GpuOptions { HostThreads = 1 },
        new CompileCache(new SilentDriver.Compiler(), _folder));

    private CudaOperations Silent(SilentDriver driver, DataType storage, bool usesGraphs)
    {
        var device = new GpuDevice(driver, usesGraphs);
        var queue = new KernelQueue(driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), _folder), ImageFormat.Ptx);
        return new CudaOperations(device, queue, new KernelMatrixProducts(queue), storage, new GpuOptions());
    }
}
