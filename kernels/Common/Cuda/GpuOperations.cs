using System;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Runtime.Simulator.Libraries;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>Opens GPUs as devices with their operations. Whoever opens one disposes of the operations first, then of their device.</summary>
public static class GpuOperations
{
    /// <summary>The variable that chooses what multiplies matrices: <c>own</c> for our kernel, anything else or nothing for cuBLASLt.</summary>
    public const string ProductsVariable = "GPTENGINE_GEMM";

    /// <summary>A simulated GPU.</summary>
    /// <param name="driver">The simulated GPU; the device owns it.</param>
    /// <param name="storage">x.</param>
    /// <param name="options">What else can be chosen.</param>
    /// <param name="cache">Compiles kernels.</param>
    public static CudaOperations Simulated(SimulatedDriver driver, DataType storage, GpuOptions options, CompileCache cache)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(options);
        var device = new GpuDevice(driver, options.UsesGraphs);
        var queue = new KernelQueue(driver, device.Stream, cache, ImageFormat.Ptx);
        MatrixProducts products = options.OwnProducts
            ? new KernelMatrixProducts(queue)
            : new SimulatedMatrixProducts(driver, device.Stream, options.RoundsToTf32, options.HostThreads);
        return new CudaOperations(device, queue, products, storage, options.LogitBytes);
    }
}
