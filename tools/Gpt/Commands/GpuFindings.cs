using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Native;

namespace GptEngine.Gpt.Commands;

/// <summary>What the doctor says of this machine's GPUs: a line each, and what keeps them from being used.</summary>
internal static class GpuFindings
{
    private const double Gibibyte = 1L << 30;

    public static IEnumerable<(string Name, string Finding)> All()
    {
        if (!NativeLibraries.TryOpen(NativeLibraryName.Driver).IsOpen)
        {
            yield break;
        }

        if (CudaDriver.Lacking is { } lacking)
        {
            yield return ("driver", $"too old: {lacking}");
        }

        (IReadOnlyList<GpuDeviceProperties> gpus, string reason) = CudaDriver.Find();
        if (gpus.Count == 0)
        {
            yield return ("gpu", $"none ({reason}). Check nvidia-smi and CUDA_VISIBLE_DEVICES; without a GPU use --device cpu.");
        }

        for (int i = 0; i < gpus.Count; i++)
        {
            GpuDeviceProperties gpu = gpus[i];
            yield return (
                string.Create(CultureInfo.InvariantCulture, $"gpu {i}"),
                string.Create(CultureInfo.InvariantCulture, $"{gpu.Name}, sm_{gpu.Architecture}, {gpu.MemoryBytes / Gibibyte:0.0} GiB"));
        }

        foreach ((NativeLibraryName library, int major, Version driver) in GpuLibraries.NewerThanDriver())
        {
            yield return (
                library.ImportName,
                $"this one is CUDA {major}'s, and the driver CUDA {driver}'s, which is not made to run with it. Install a newer driver, or CUDA {driver.Major}'s library beside it, and set {library.EnvironmentVariable} to its file.");
        }

        if (gpus.Count > 0 && NativeLibraries.TryOpen(NativeLibraryName.Nvrtc).IsOpen)
        {
            // CUDA 13 compiles for Turing and newer: a V100 needs 12's.
            ComputeCapability oldest = new NvrtcCompiler().SupportedArchitectures[0];
            foreach (int architecture in gpus.Select(gpu => gpu.Architecture).Where(architecture => architecture < oldest.Number).Distinct())
            {
                yield return (
                    "nvrtc",
                    $"this one compiles for {oldest} and newer, not for sm_{architecture}. Install CUDA 11.8 or 12's beside it and set {NativeLibraryName.Nvrtc.EnvironmentVariable} to its libnvrtc.so file.");
            }
        }
    }

    /// <summary>Which kernels were measured to be the fastest on this machine's GPUs, each kind of them once; none before a run has asked.</summary>
    public static IReadOnlyList<KernelChoice> Choices() =>
        CudaDriver.Find().Gpus is { Count: > 0 } gpus && NativeLibraries.TryOpen(NativeLibraryName.Nvrtc).IsOpen
            ? Choices(gpus, new NvrtcCompiler().Version, MeasuredFile.DefaultFolder)
            : [];

    /// <summary>The same of these GPUs.</summary>
    /// <param name="gpus">Several of a kind share what was measured.</param>
    /// <param name="compiler">NVRTC's version.</param>
    /// <param name="folder">Where it is kept.</param>
    internal static IReadOnlyList<KernelChoice> Choices(IEnumerable<GpuDeviceProperties> gpus, Version compiler, string folder) =>
        [.. gpus.Select(gpu => KernelMeasurements.MachineOf(gpu, compiler)).Distinct().SelectMany(machine => KernelMeasurements.Of(folder, machine))];
}
