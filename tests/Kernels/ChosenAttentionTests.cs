using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary><c>GPTENGINE_ATTENTION</c>: what it may say, and that attention's kernels are then those.</summary>
public sealed class ChosenAttentionTests
{
    [TestCase(null, null)]
    [TestCase("", null)]
    [TestCase("warpgroups", AttentionVariant.Warpgroups)]
    [TestCase("large", AttentionVariant.LargeBlocks)]
    [TestCase("small", AttentionVariant.SmallBlocks)]
    [TestCase("plain", AttentionVariant.Plain)]
    public void Variable_NamesAVariant(string? value, AttentionVariant? variant) =>
        Assert.That(GpuOperations.ForcedAttention(name => name == "GPTENGINE_ATTENTION" ? value : "none"), Is.EqualTo(variant));

    [Test]
    public void Variable_WithAnotherValue_IsToldWhatItMayBe() => Assert.That(
        () => GpuOperations.ForcedAttention(_ => "Large"),
        Throws.TypeOf<UserErrorException>().With.Message.EqualTo("GPTENGINE_ATTENTION is \"Large\"; set it to plain, small, large or warpgroups, or leave it out."));

    /// <summary>Every variant has a word, and the word is its own.</summary>
    [Test]
    public void Words_AreThoseOfAllVariants() =>
        Assert.That(AttentionVariants.All.Select(variant => AttentionVariants.Find(AttentionVariants.WordOf(variant))), Is.EqualTo(Enum.GetValues<AttentionVariant>()));

    // Where there are no tensor cores for the type, and of which length and D blocks are large.
    [TestCase(80, DataType.Float32, 64, 64, AttentionVariant.Plain, AttentionVariant.Plain)]
    [TestCase(70, DataType.BFloat16, 64, 64, AttentionVariant.Plain, AttentionVariant.Plain)]
    [TestCase(70, DataType.Float16, 64, 64, AttentionVariant.SmallBlocks, AttentionVariant.SmallBlocks)]
    [TestCase(80, DataType.BFloat16, 256, 64, AttentionVariant.SmallBlocks, AttentionVariant.LargeBlocks)]
    [TestCase(80, DataType.BFloat16, 128, 96, AttentionVariant.SmallBlocks, AttentionVariant.LargeBlocks)]
    [TestCase(80, DataType.BFloat16, 129, 96, AttentionVariant.SmallBlocks, AttentionVariant.SmallBlocks)]
    [TestCase(80, DataType.BFloat16, 257, 64, AttentionVariant.SmallBlocks, AttentionVariant.SmallBlocks)]
    [TestCase(80, DataType.BFloat16, 257, 96, AttentionVariant.SmallBlocks, AttentionVariant.LargeBlocks)]
    [TestCase(90, DataType.Float16, 257, 96, AttentionVariant.Warpgroups, AttentionVariant.Warpgroups)]
    [TestCase(90, DataType.BFloat16, 128, 8, AttentionVariant.Warpgroups, AttentionVariant.Warpgroups)]
    [TestCase(90, DataType.Float32, 257, 96, AttentionVariant.Plain, AttentionVariant.Plain)]
    public void VariantOf_IsTheFastestThatServes(int architecture, DataType type, int time, int headSize, AttentionVariant forward, AttentionVariant backward)
    {
        using var driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture));
        using GpuStream stream = driver.CreateStream();
        using var queue = new KernelQueue(driver, stream, new CompileCache(new SilentDriver.Compiler(), CompileCache.DefaultFolder), ImageFormat.Ptx);
        using var launcher = new AttentionLauncher(queue, type, headSize);
        var shape = new AttentionShape(1, time, 1, headSize);

        Assert.That(launcher.VariantOf(AttentionDirection.Forward, shape), Is.EqualTo(forward));
        Assert.That(launcher.VariantOf(AttentionDirection.Backward, shape), Is.EqualTo(backward));
        Assert.That(launcher.KernelsOf(AttentionDirection.Backward, shape), Is.Not.Empty.And.All.Matches<KernelInstance>(kernel => kernel.IsFor(architecture)));
    }

    [TestCase(AttentionVariant.LargeBlocks, "attention_backward_whole_mma")]
    [TestCase(AttentionVariant.SmallBlocks, "attention_backward_short_mma")]
    [TestCase(AttentionVariant.Plain, "attention_backward_keys")]
    [RequiresNvrtc]
    public void Operations_LaunchTheVariantsKernels(AttentionVariant variant, string kernel)
    {
        Assert.That(Launches(SimulatedGpus.A100, "attention_backward", variant), Has.Some.Contains($"{kernel}I"), "mangled, with its arguments");
    }

    [TestCase(AttentionVariant.Warpgroups, "attention_forward_warpgroup")]
    [TestCase(AttentionVariant.LargeBlocks, "attention_forward_mma")]
    [RequiresNvrtc]
    public void OperationsOnHopper_LaunchTheVariantsKernels(AttentionVariant variant, string kernel) =>
        Assert.That(Launches(SimulatedGpus.ByArchitecture(90), "attention_forward", variant), Has.Some.Contains($"{kernel}I"));

    private static IEnumerable<string> Launches(GpuDeviceProperties gpu, string operation, AttentionVariant variant)
    {
        var driver = new SimulatedDriver(gpu, new SimulatorOptions { Checks = SimulatorChecks.None, KeepReports = true });
        var options = new GpuOptions { Attention = variant };
        CudaOperations operations = GpuOperations.Simulated(driver, DataType.Float16, options, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
        using Device device = operations.Device;
        using CudaOperations closing = operations;
        OperationMeasurement measured = OperationBenchmark.Count(
            operations, driver, new(operation, DataType.Float16, [new("batch", 1), new("time", 32), new("heads", 1), new("head_size", 64), new("document", 0)]));
        return [.. measured.Launches.Select(launch => launch.Kernel)];
    }
}
