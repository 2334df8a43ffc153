using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Tests.Kernels;

/// <summary>The GPU's operations on a simulated GPU, for tests.</summary>
internal static class SimulatedOperations
{
    public static CudaOperations Create(
        int architecture, DataType storage, GpuOptions? options = null, SimulatorChecks checks = SimulatorChecks.All,
        StreamOrder order = StreamOrder.AtOnce) => GpuOperations.Simulated(
        new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), new SimulatorOptions { HostThreads = 2, Checks = checks, Order = order }),
        storage,
        (options ?? new GpuOptions()) with { HostThreads = 2 },
        new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
}
