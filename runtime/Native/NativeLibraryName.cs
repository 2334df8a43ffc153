using System.Collections.Immutable;

namespace GptEngine.Runtime.Native;

/// <summary>One of the shared libraries that the program opens at run time and never links against.</summary>
/// <param name="ImportName">The name in <c>LibraryImport</c>.</param>
/// <param name="EnvironmentVariable">The variable that names the file (or its folder) outright; it wins over every other place.</param>
/// <param name="FileNames">File names by preference: newest major first, the unversioned development link last.</param>
/// <param name="CompanionPattern">
/// Files of the same folder that the library opens by bare name at run time. They are opened first by path, since the loader would
/// not look for them beside the library. Null: none.
/// </param>
/// <param name="Remedy">What a person does where it is missing: one sentence.</param>
public sealed record NativeLibraryName(
    string ImportName,
    string EnvironmentVariable,
    ImmutableArray<string> FileNames,
    string? CompanionPattern,
    string Remedy)
{
    /// <summary>The compiler of CUDA C++ at run time, 11.8 (whose file says 11.2) to 13.</summary>
    public static readonly NativeLibraryName Nvrtc = new(
        "nvrtc",
        "GPTENGINE_NVRTC",
        ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"],
        "libnvrtc-builtins.so*",
        "Run .ci/setup-nvidia.sh, which brings one into the cache, or install CUDA 11.8 to 13 and set GPTENGINE_NVRTC to its libnvrtc.so file.");

    /// <summary>The driver's API; comes with the driver and never with the toolkit.</summary>
    public static readonly NativeLibraryName Driver = new(
        "cuda",
        "GPTENGINE_CUDA",
        ["libcuda.so.1"],
        null,
        "Install NVIDIA's driver (470 or newer), or set GPTENGINE_CUDA to its libcuda.so.1; without a GPU use --device cpu.");

    /// <summary>Matrix products on tensor cores.</summary>
    public static readonly NativeLibraryName CublasLt = new(
        "cublasLt",
        "GPTENGINE_CUBLASLT",
        ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"],
        null,
        "Install CUDA's cuBLAS (11 to 13) or the Python wheel nvidia-cublas, or set GPTENGINE_CUBLASLT to its libcublasLt.so file.");

    /// <summary>Collectives between GPUs.</summary>
    public static readonly NativeLibraryName Nccl = new(
        "nccl",
        "GPTENGINE_NCCL",
        ["libnccl.so.2"],
        null,
        "Install NCCL 2.10 or newer or the Python wheel nvidia-nccl, or set GPTENGINE_NCCL to its libnccl.so.2; without --gpus one GPU does without it.");

    /// <summary>NVIDIA's profiling interface: times of kernels as the GPU takes them. CUDA 11's file has its minor version in its name.</summary>
    public static readonly NativeLibraryName Cupti = new(
        "cupti",
        "GPTENGINE_CUPTI",
        [
            "libcupti.so.13", "libcupti.so.12", "libcupti.so.11.8", "libcupti.so.11.7", "libcupti.so.11.6", "libcupti.so.11.5", "libcupti.so.11.4",
            "libcupti.so",
        ],
        null,
        "Install CUDA's CUPTI or the Python wheel nvidia-cuda-cupti, or set GPTENGINE_CUPTI to its libcupti.so file; without it profiles are timed by events.");

    /// <summary>Everything of NVIDIA's that the program can use, for the doctor.</summary>
    public static ImmutableArray<NativeLibraryName> All => [Driver, Nvrtc, CublasLt, Nccl, Cupti];
}
