using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Kernels;

/// <summary>Linear layers whose GELU, its gradient and bias gradients the library's stand-in does beside its products.</summary>
[RequiresNvrtc]
[KernelFixture(70, DataType.Float32, "Linear", "CrossEntropyHead")]
[KernelFixture(80, DataType.BFloat16, "LinearBackwardInput")]
[KernelFixture(90, DataType.Float16, "LinearBackwardWeight")]
public sealed class FusedEpilogueTests(int architecture, DataType storage) : OperationsConformance
{
    protected override IOperations Create() =>
        SimulatedOperations.Create(architecture, storage, new GpuOptions { FusesEpilogues = true, LogitBytes = 64 * 1024 });
}
