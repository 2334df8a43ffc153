using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// The GPU's operations on the simulated GPU with all its checks on, from the PTX that NVRTC makes for each architecture, under the same
/// suite as every other device. A launch with a finding throws. Matrix products are cuBLASLt's stand-in; the head's logits come in several
/// chunks. Attention has tests of its own.
/// </summary>
[RequiresNvrtc]
[KernelFixture(70, DataType.Float32, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "SumLosses", "GradientNorm", "AdamW", "Zero", "Cast", "Linear", "CrossEntropyHead", "Sample")]
[KernelFixture(70, DataType.Float16, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "AdamW", "Cast", "LinearBackwardWeight", "CrossEntropyHead", "Sample")]
[KernelFixture(70, DataType.BFloat16, "LayerNormForward", "AdamW")]
[KernelFixture(80, DataType.Float32, "LayerNormBackward", "SumLosses")]
[KernelFixture(80, DataType.BFloat16, "EmbeddingForward", "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "AdamW", "Cast", "LinearBackwardWeight", "CrossEntropyHead", "Sample")]
[KernelFixture(80, DataType.Float16, "LayerNormForward", "LayerNormBackward")]
[KernelFixture(90, DataType.Float32, "EmbeddingBackward", "LayerNormForward", "LayerNormBackward", "SumLosses", "GradientNorm", "AdamW")]
[KernelFixture(90, DataType.BFloat16, "EmbeddingForward", "LayerNormForward", "LayerNormBackward", "AdamW")]
public sealed class SimulatedKernelTests(int architecture, DataType storage) : OperationsConformance
{
    protected override IOperations Create() => SimulatedOperations.Create(architecture, storage, new GpuOptions { LogitBytes = 64 * 1024 });
}
