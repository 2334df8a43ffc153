using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Kernels;

/// <summary>Linear layers by our own matrix products, on the simulated GPU with all its checks on.</summary>
[RequiresNvrtc]
[KernelFixture(70, DataType.Float32, "Linear")]
[KernelFixture(80, DataType.BFloat16, "LinearBackwardWeight")]
[KernelFixture(90, DataType.Float16, "LinearBackwardWeight")]
public sealed class OwnProductsTests(int architecture, DataType storage) : OperationsConformance
{
    protected override IOperations Create() =>
        SimulatedOperations.Create(architecture, storage, new GpuOptions { OwnProducts = true });
}
