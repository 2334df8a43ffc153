using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary><c>GPTENGINE_ATTENTION</c>: what it may say, and that attention's kernels are then those.</summary>
public sealed class ChosenAttentionTests
{
    [TestCase(null, AttentionVariant.LargeBlocks)]
    [TestCase("", AttentionVariant.LargeBlocks)]
    [TestCase("large", AttentionVariant.LargeBlocks)]
    [TestCase("small", AttentionVariant.SmallBlocks)]
    [TestCase("plain", AttentionVariant.Plain)]
    public void Variable_NamesAVariant(string? value, AttentionVariant variant) =>
        Assert.That(GpuOperations.ChosenAttention(name => name == "GPTENGINE_ATTENTION" ? value : "none"), Is.EqualTo(variant));

    [Test]
    public void Variable_WithAnotherValue_IsToldWhatItMayBe() => Assert.That(
        () => GpuOperations.ChosenAttention(_ => "Large"),
        Throws.TypeOf<UserErrorException>().With.Message.EqualTo("GPTENGINE_ATTENTION is \"Large\"; set it to plain, small or large, or leave it out."));

    [TestCase(AttentionVariant.LargeBlocks, "attention_backward_whole_mma")]
    [TestCase(AttentionVariant.SmallBlocks, "attention_backward_short_mma")]
    [TestCase(AttentionVariant.Plain, "attention_backward_keys")]
    [RequiresNvrtc]
    public void Operations_LaunchTheVariantsKernels(AttentionVariant variant, string kernel)
    {
        var driver = new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { Checks = SimulatorChecks.None, KeepReports = true });
        var options = new GpuOptions { Attention = variant };
        CudaOperations operations = GpuOperations.Simulated(driver, DataType.Float16, options, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
        using Device device = operations.Device;
        using CudaOperations closing = operations;
        OperationMeasurement measured = OperationBenchmark.Count(
            operations, driver, new("attention_backward", DataType.Float16, [new("batch", 1), new("time", 32), new("heads", 1), new("head_size", 64), new("document", 0)]));
        Assert.That(measured.Launches.Select(launch => launch.Kernel), Has.Some.Contains($"{kernel}I"), "mangled, with its arguments");
    }
}
