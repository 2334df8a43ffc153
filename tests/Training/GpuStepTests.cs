using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
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

    private CudaOperations Silent(SilentDriver driver, DataType storage, bool usesGraphs)
    {
        var device = new GpuDevice(driver, usesGraphs);
        var queue = new KernelQueue(driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), _folder), ImageFormat.Ptx);
        return new CudaOperations(device, queue, new KernelMatrixProducts(queue), storage);
    }
}
