using System;
using System.IO;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native;
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

    /// <summary>A real GPU.</summary>
    /// <param name="ordinal">Its number among the visible ones.</param>
    /// <param name="storage">x.</param>
    /// <param name="options">What else can be chosen.</param>
    /// <param name="compiler">NVRTC.</param>
    /// <exception cref="UserErrorException">The driver, the GPU, cuBLASLt, or what the GPU would need for this type is missing.</exception>
    public static CudaOperations Real(int ordinal, DataType storage, GpuOptions options, NvrtcCompiler compiler)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(compiler);
        var driver = new CudaDriver(ordinal);
        GpuDeviceProperties properties = driver.Properties;
        if (storage == DataType.BFloat16 && properties.Architecture < 80)
        {
            driver.Dispose();
            throw new UserErrorException(
                $"{properties.Name} (sm_{properties.Architecture}) has no bf16. Set training.precision to \"fp16\" or \"fp32\".", ExitCode.Usage);
        }

        var device = new GpuDevice(driver, options.UsesGraphs);
        var cache = new CompileCache(compiler, CompileCache.DefaultFolder);

        // A GPU newer than the compiler gets PTX, which its driver makes code from.
        bool known = compiler.SupportedArchitectures.Contains(ComputeCapability.FromNumber(properties.Architecture));
        var queue = new KernelQueue(driver, device.Stream, cache, known ? ImageFormat.Cubin : ImageFormat.Ptx);
        MatrixProducts products = options.OwnProducts
            ? new KernelMatrixProducts(queue)
            : new CublasLtMatrixProducts(
                driver, device.Stream, options.RoundsToTf32, Path.Combine(NativeSearchPlaces.ForThisProcess().CacheFolder, "matrix_products"));
        return new CudaOperations(device, queue, products, storage, options.LogitBytes);
    }
}
