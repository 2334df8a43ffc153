using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// Every kernel that an operation has, on the simulated GPU with all its checks on, from the PTX that NVRTC makes for each architecture,
/// under the same suite as every other device. A launch with a finding throws.
/// </summary>
[RequiresNvrtc]
[KernelFixture(70, DataType.Float32, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "SumLosses", "GradientNorm", "AdamW")]
[KernelFixture(70, DataType.Float16, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "AdamW")]
[KernelFixture(70, DataType.BFloat16, "LayerNormForward", "AdamW")]
[KernelFixture(80, DataType.Float32, "LayerNormBackward", "SumLosses")]
[KernelFixture(80, DataType.BFloat16, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "AdamW")]
[KernelFixture(80, DataType.Float16, "LayerNormForward", "LayerNormBackward")]
[KernelFixture(90, DataType.Float32, "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "SumLosses", "GradientNorm", "AdamW")]
[KernelFixture(90, DataType.BFloat16, "EmbeddingForward", "LayerNormForward", "LayerNormBackward", "AdamW")]
public sealed class SimulatedKernelTests(int architecture, DataType storage) : OperationsConformance
{
    protected override IOperations Create() => new LauncherOperations(
        new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), new SimulatorOptions { HostThreads = 2 }),
        new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder),
        storage);
}
