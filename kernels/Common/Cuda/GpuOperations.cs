using System;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common.Selection;
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
    /// <summary>The variable that chooses what multiplies matrices: <c>own</c> for our kernel, <c>cublaslt</c> or nothing for the library.</summary>
    public const string ProductsVariable = "GPTENGINE_GEMM";

    /// <summary>From which on there are bf16 and tf32.</summary>
    public const int AmpereArchitecture = 80;

    /// <summary>Whether <see cref="ProductsVariable"/> asks for our own kernel.</summary>
    /// <param name="environment">Value of an environment variable, or null.</param>
    /// <exception cref="UserErrorException">The variable has another value than <c>own</c> or <c>cublaslt</c>.</exception>
    public static bool OwnProductsAreChosen(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return environment(ProductsVariable) switch
        {
            "own" => true,
            null or "" or "cublaslt" => false,
            string other => throw new UserErrorException($"{ProductsVariable} is \"{other}\"; set it to own or cublaslt, or leave it out.", ExitCode.Usage),
        };
    }

    /// <summary>The variable that forces attention's kernels, to compare them: a word of <see cref="AttentionVariants"/>; nothing for what is measured to be the fastest.</summary>
    public const string AttentionVariable = "GPTENGINE_ATTENTION";

    /// <summary>The kernels that <see cref="AttentionVariable"/> asks for; null where it leaves the choice.</summary>
    /// <param name="environment">Value of an environment variable, or null.</param>
    /// <exception cref="UserErrorException">The variable has another value than these.</exception>
    public static AttentionVariant? ForcedAttention(Func<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return environment(AttentionVariable) switch
        {
            null or "" => null,
            string word => AttentionVariants.Find(word)
                ?? throw new UserErrorException($"{AttentionVariable} is \"{word}\"; set it to {AttentionVariants.Alternatives}, or leave it out.", ExitCode.Usage),
        };
    }

    /// <summary>Refuses a precision that a GPU has no units for: a library would take others in their place, and say nothing.</summary>
    /// <param name="gpu">Real or simulated.</param>
    /// <param name="storage">x.</param>
    /// <param name="roundsToTf32">Whether fp32 products run in tf32.</param>
    /// <exception cref="UserErrorException">Usage: the GPU is older than the precision.</exception>
    public static void RequirePrecision(GpuDeviceProperties gpu, DataType storage, bool roundsToTf32)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        if (gpu.Architecture < AmpereArchitecture && (storage == DataType.BFloat16 || roundsToTf32))
        {
            throw new UserErrorException(
                $"{gpu.Name} (sm_{gpu.Architecture}) has no {(roundsToTf32 ? "tf32" : "bf16")}. Set training.precision to \"fp16\" or \"fp32\".", ExitCode.Usage);
        }
    }

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
            : new SimulatedMatrixProducts(driver, device.Stream, options.RoundsToTf32, options.HostThreads, options.FusesEpilogues);
        return new CudaOperations(device, queue, products, storage, options);
    }

    /// <summary>A GPU's operations of which only sizes are asked, to plan memory where there is none: nothing can be launched.</summary>
    /// <param name="storage">x.</param>
    /// <param name="architecture">Compute capability without the dot.</param>
    public static CudaOperations ForPlanning(DataType storage, int architecture = 70) => Simulated(
        new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture)), storage, new GpuOptions { HostThreads = 1 },
        new CompileCache(new NoCompiler(), CompileCache.DefaultFolder));

    /// <summary>A real GPU.</summary>
    /// <param name="ordinal">Its number among the visible ones.</param>
    /// <param name="storage">x.</param>
    /// <param name="options">What else can be chosen.</param>
    /// <param name="openCompiler">Opens NVRTC, once it is known which GPU it is for.</param>
    /// <exception cref="UserErrorException">The driver, the GPU, cuBLASLt, or what the GPU would need for this type is missing.</exception>
    public static CudaOperations Real(int ordinal, DataType storage, GpuOptions options, Func<NvrtcCompiler> openCompiler)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(openCompiler);
        var driver = new CudaDriver(ordinal);
        GpuLibraries.OpenFor(driver.Properties.Architecture);
        GpuDeviceProperties properties = driver.Properties;
        NvrtcCompiler compiler;
        try
        {
            RequirePrecision(properties, storage, options.RoundsToTf32);
            compiler = openCompiler();
        }
        catch
        {
            driver.Dispose();
            throw;
        }

        var device = new GpuDevice(driver, options.UsesGraphs);
        var cache = new CompileCache(compiler, CompileCache.DefaultFolder);

        // A GPU newer than the compiler gets the newest PTX there is, which its driver makes code from.
        var target = ComputeCapability.FromNumber(properties.Architecture);
        bool isNewer = target > compiler.SupportedArchitectures[^1];
        var queue = new KernelQueue(driver, device.Stream, cache, isNewer ? ImageFormat.Ptx : ImageFormat.Cubin)
        {
            Target = isNewer ? compiler.SupportedArchitectures[^1] : target,
        };
        MatrixProducts products = options.OwnProducts
            ? new KernelMatrixProducts(queue)
            : new CublasLtMatrixProducts(driver, device.Stream, options.RoundsToTf32, MeasuredFile.DefaultFolder);
        string machine = KernelMeasurements.MachineOf(properties, compiler.Version);
        return new CudaOperations(
            device, queue, products, storage, options, new KernelSelector(new MeasuredFile(MeasuredFile.DefaultFolder, machine), machine, options.Warn));
    }
}
