using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>
/// Which attention kernels run is measured: here on a simulated GPU, whose kernels compute what they do and take the time that a test gives them.
/// </summary>
[RequiresNvrtc]
public sealed class AttentionChoiceTests
{
    private const string Machine = "a machine of these tests";

    private static readonly AttentionShape Shape = new(2, 33, 1, 64);
    private static readonly GpuDeviceProperties Gpu = SimulatedGpus.A100 with { L2CacheBytes = 1 << 20 };

    private readonly List<string> _warnings = [];
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown()
    {
        _warnings.Clear();
        _folder.Dispose();
    }

    [TestCase(0.1, 0.5, "small", "large", "attention_forward_mma", "attention_backward_whole_mma")]
    [TestCase(9, 1.5, "plain", "small", "attention_forwardI", "attention_backward_short_mma")]
    public void Measured_EachPassRunsItsFastest(double forwardMs, double wholeMs, string forward, string backward, string forwardKernel, string backwardKernel)
    {
        var driver = new ScriptedDriver(Gpu) { Times = new() { ["forward_mma"] = forwardMs, ["backward_whole"] = wholeMs } };
        using Opened gpu = Open(driver);
        long free = driver.MemoryInfo.Free;

        gpu.Run(Shape);

        string[] own = [.. driver.Launched.Where(launch => launch.Stream == gpu.Stream).Select(launch => launch.Kernel)];
        Assert.That(own[0], Does.Contain(forwardKernel));
        Assert.That(own[1], Does.Contain(backwardKernel));
        Assert.That(gpu.Operations.Choices.Select(choice => (choice.Question, choice.Chosen)), Is.EqualTo(new[]
        {
            ("attention forward, fp16, B 2 T 33 H 1 D 64", forward), ("attention backward, fp16, B 2 T 33 H 1 D 64", backward),
        }));
        Assert.That(gpu.Operations.Choices.Any(choice => choice.HasFault), Is.False, "what serves is right: within what moved inputs change");
        Assert.That(driver.MemoryInfo.Free, Is.EqualTo(free - gpu.Bytes).Within(4096), "what trials took is given back; constants of loaded kernels stay");
        Assert.That(_warnings, Is.Empty);

        // Another process: the same kernels, the same bits, nothing measured.
        var later = new ScriptedDriver(Gpu);
        using Opened again = Open(later);
        again.Run(Shape);
        Assert.That(later.Launched.Select(launch => launch.Kernel), Is.EqualTo(own));
        Assert.That(again.Results(), Is.EqualTo(gpu.Results()));
    }

    /// <summary>One number of one part of a result: in the last row of the last sequence, where a tile is not whole.</summary>
    [TestCase("forward_mma", 2, 0, "output", "plain")]
    [TestCase("backward_whole", 5, 64, "gradient of K", "small")]
    public void Measured_OneWrongNumber_IsLeftOut(string kernel, int argument, int place, string part, string chosen)
    {
        int pitch = argument == 2 ? 64 : 192;
        var driver = new ScriptedDriver(Gpu) { Spoiled = (kernel, argument, (65 * pitch) + place + 17), Times = new() { [kernel] = 0.01 } };
        using Opened gpu = Open(driver);

        gpu.Run(Shape, forward: argument == 2, backward: argument != 2);

        KernelChoice choice = gpu.Operations.Choices.Single();
        Assert.That(choice.Chosen, Is.EqualTo(chosen));
        Assert.That(choice.Candidates[^1].Fault, Does.Match($@"^its {part} differs from the plain kernel's by \S+ where \S+ is allowed$"));
        Assert.That(_warnings.Single(), Does.StartWith($"attention_{kernel}").And.Contain(Machine));
        Assert.That(driver.Launched.Where(launch => launch.Stream == gpu.Stream), Has.None.Matches<(string Kernel, GpuStream)>(
            launch => launch.Kernel.Contains(kernel, StringComparison.Ordinal)));
    }

    [Test]
    public void Measured_KernelThatCannotBeLaunched_IsLeftOut()
    {
        using Opened gpu = Open(new ScriptedDriver(Gpu) { Refused = "backward_whole" });

        gpu.Run(Shape, forward: false);

        Assert.That(gpu.Operations.Choices.Single().Chosen, Is.EqualTo("small"));
        Assert.That(_warnings.Single(), Does.Contain("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES").And.Contain("attention_backward_whole_mma"));
    }

    /// <summary>The process ends with the reason, its memory is left to the driver, and the next one does without the kernel.</summary>
    [Test]
    public void Measured_KernelThatFaults_EndsTheProcess_AndTheNextLeavesItOut()
    {
        Opened dying = Open(new ScriptedDriver(Gpu) { Deadly = "backward_whole" });
        UserErrorException error = Assert.Throws<UserErrorException>(() => dying.Run(Shape, forward: false))!;
        Assert.That(error.Message, Does.Contain("attention_backward_whole_mma").And.Contain("CUDA_ERROR_ILLEGAL_ADDRESS").And.Contain("Start again"));

        var driver = new ScriptedDriver(Gpu);
        using Opened next = Open(driver);
        next.Run(Shape, forward: false);
        Assert.That(next.Operations.Choices.Single(), Has.Property("HasFault").True.And.Property("Chosen").EqualTo("small"));
        Assert.That(driver.Launched, Has.None.Matches<(string Kernel, GpuStream)>(launch => launch.Kernel.Contains("backward_whole", StringComparison.Ordinal)));
    }

    [TestCase(AttentionVariant.Plain, "attention_backward_keysI")]
    [TestCase(AttentionVariant.SmallBlocks, "attention_backward_short_mma")]
    [TestCase(AttentionVariant.LargeBlocks, "attention_backward_whole_mma")]
    public void Forced_IsNotMeasured(AttentionVariant variant, string kernel)
    {
        var driver = new ScriptedDriver(Gpu) { Times = new() { ["mma"] = variant == AttentionVariant.Plain ? 0.1 : 9 } };
        using Opened gpu = Open(driver, variant);

        gpu.Run(Shape);

        Assert.That(driver.Launched.Select(launch => launch.Stream), Is.All.SameAs(gpu.Stream));
        Assert.That(driver.Launched.Select(launch => launch.Kernel), Has.Some.Contains(kernel));
        Assert.That(gpu.Operations.Choices.Select(choice => choice.Basis), Is.All.EqualTo(ChoiceBasis.Forced));
    }

    [Test]
    public void Simulated_TakesTheLastThatServes()
    {
        var driver = new SimulatedDriver(Gpu);
        using CudaOperations operations = GpuOperations.Simulated(
            driver, DataType.Float16, new GpuOptions { HostThreads = 1 }, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
        using Device device = operations.Device;
        var chooser = new AttentionChooser(operations.Queue, DataType.Float16, null, null, _warnings.Add);

        Assert.That(chooser.For(AttentionDirection.Backward, Shape).VariantOf(AttentionDirection.Backward, Shape), Is.EqualTo(AttentionVariant.LargeBlocks));
        Assert.That(chooser.Choices.Single(), Has.Property("Basis").EqualTo(ChoiceBasis.Rule).And.Property("Chosen").EqualTo("large"));
    }

    /// <summary>Where plain kernels alone serve there is nothing to measure.</summary>
    [Test]
    public void OneVariant_IsNotMeasured()
    {
        var driver = new ScriptedDriver(Gpu);
        using Opened gpu = Open(driver, storage: DataType.Float32);
        gpu.Run(Shape);
        Assert.That(driver.Launched.Select(launch => launch.Stream), Is.All.SameAs(gpu.Stream));
        Assert.That(gpu.Operations.Choices.Select(choice => choice.Chosen), Is.All.EqualTo("plain"));
    }

    /// <summary>A capture goes through its work once before it records: all is measured there, and the tensors of the step are left alone.</summary>
    [Test]
    public void Capture_MeasuresInItsRehearsal()
    {
        var driver = new ScriptedDriver(Gpu) { Times = new() { ["forward_mma"] = 0.5, ["backward_short"] = 0.5 } };
        using Opened gpu = Open(driver);

        // Memory is cleared by the stream, which drops what it is given in a rehearsal.
        gpu.Run(Shape, forward: false, backward: false);
        using CapturedWork step = gpu.Operations.Device.Capture("step", () => gpu.Run(Shape));
        int measured = driver.Launched.Count;

        Assert.That(gpu.Operations.Choices.Select(choice => choice.Chosen), Is.EqualTo(new[] { "small", "small" }));
        step.Launch();
        gpu.Operations.Device.Synchronize();
        Assert.That(driver.Launched, Has.Count.EqualTo(measured), "a graph launches by itself");
    }

    [Test]
    public void Measured_WithoutMemory_GoesByTheRule_AndSaysSo()
    {
        var driver = new ScriptedDriver(Gpu with { L2CacheBytes = Gpu.MemoryBytes });
        using Opened gpu = Open(driver);

        gpu.Run(Shape);

        Assert.That(gpu.Operations.Choices.Select(choice => (choice.Chosen, choice.Basis)), Is.EqualTo(new[] { ("small", ChoiceBasis.Rule), ("large", ChoiceBasis.Rule) }));
        Assert.That(_warnings, Has.Count.EqualTo(2).And.All.StartsWith("There was no memory to measure attention"));
    }

    /// <summary>Trials fit what plans leave free, whatever the shape; and what is left out of a shape is more sequences of the same.</summary>
    [TestCase(20, 128, 18, 96, 20)]
    [TestCase(70, 256, 8, 64, 70)]
    [TestCase(36, 256, 16, 64, 36)]
    [TestCase(512, 256, 16, 64, 69)]
    [TestCase(64, 2048, 96, 128, 1)]
    public void Tried_IsTheShape_OrFewerOfItsSequences(int batch, int time, int heads, int headSize, int expected)
    {
        var shape = new AttentionShape(batch, time, heads, headSize);
        AttentionShape tried = AttentionTrials.Tried(shape, DataType.Float16);
        long bytes = 11 * tried.Rows * tried.Channels * sizeof(ushort);

        Assert.That(tried, Is.EqualTo(shape with { Batch = expected }));
        Assert.That(bytes, Is.LessThan(600L << 20), "of the GiB that plans leave, beside twice the largest second-level cache");
    }

    private Opened Open(ScriptedDriver driver, AttentionVariant? forced = null, DataType storage = DataType.Float16)
    {
        var device = new GpuDevice(driver);
        var queue = new KernelQueue(driver, device.Stream, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder), ImageFormat.Ptx);
        var options = new GpuOptions { Attention = forced, Warn = _warnings.Add };
        var selector = new KernelSelector(new MeasuredFile(_folder.Path, Machine), Machine, _warnings.Add);
        return new Opened(new CudaOperations(device, queue, new KernelMatrixProducts(queue), storage, options, selector), storage);
    }

    /// <summary>Operations, and the tensors of a forward and a backward pass.</summary>
    private sealed class Opened(CudaOperations operations, DataType storage) : IDisposable
    {
        private readonly List<(Tensor Tensor, DeviceMemory Memory)> _tensors = [];

        public CudaOperations Operations => operations;

        public GpuStream Stream => ((GpuDevice)operations.Device).Stream;

        public long Bytes => _tensors.Sum(tensor => tensor.Memory.Bytes);

        public void Run(AttentionShape shape, bool forward = true, bool backward = true)
        {
            if (_tensors.Count == 0)
            {
                Take(storage, shape.Rows, 3 * shape.Channels);
                Take(DataType.Int32, shape.Batch, shape.Time);
                Take(storage, shape.Rows, shape.Channels);
                Take(DataType.Float32, shape.Batch, shape.Heads, shape.Time);
                Take(storage, shape.Rows, shape.Channels);
                Take(storage, shape.Rows, 3 * shape.Channels);
                operations.BindWorkspace(Take(DataType.Float32, operations.AttentionBackwardWorkspaceBytes(shape)));
            }

            Tensor[] t = [.. _tensors.Select(tensor => tensor.Tensor)];
            if (forward)
            {
                operations.AttentionForward(t[0], t[1], t[2], t[3], shape);
            }

            if (backward)
            {
                operations.AttentionBackward(t[0], t[1], t[2], t[3], t[4], t[5], shape);
            }
        }

        /// <summary>The bytes of the output and of the gradients.</summary>
        public byte[] Results() => [.. Download(_tensors[2].Tensor), .. Download(_tensors[5].Tensor)];

        public void Dispose()
        {
            foreach ((_, DeviceMemory memory) in _tensors)
            {
                memory.Dispose();
            }

            operations.Dispose();
            operations.Device.Dispose();
        }

        private Tensor Take(DataType type, params long[] shape)
        {
            var unbound = new Tensor($"t{_tensors.Count}", type, 0, shape);
            DeviceMemory memory = operations.Device.Allocate(unbound.Bytes);
            unbound.Bind(memory.Address);
            _tensors.Add((unbound, memory));
            return unbound;
        }

        private byte[] Download(Tensor tensor)
        {
            using PinnedBuffer buffer = operations.Device.AllocatePinned(tensor.Bytes);
            operations.Device.Download(tensor, buffer, 0);
            operations.Device.Synchronize();
            return buffer.AsSpan<byte>(0, (int)tensor.Bytes).ToArray();
        }
    }
}
