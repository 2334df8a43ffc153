using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading.Tasks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>
/// What the oldest NVRTC that we promise to work with, CUDA 11.8's, makes of every kernel. Images are kept in the compile cache, whose key has
/// the compiler's version and the source: what has not changed is compiled once on a machine.
/// </summary>
internal static class NvrtcChecks
{
    /// <summary>By its whole version, since 11.2 to 11.8 share a name; and by a variable of its own, since GPTENGINE_NVRTC names the other tests' one.</summary>
    internal static readonly NativeLibraryName Name = new(
        NativeLibraryName.Nvrtc.ImportName,
        "GPTENGINE_NVRTC_11",
        ["libnvrtc.so.11.8.89"],
        NativeLibraryName.Nvrtc.CompanionPattern,
        ".ci/setup-nvidia.sh --tests brings it where Debian's packages can be had; elsewhere unpack CUDA 11.8 and set GPTENGINE_NVRTC_11 to its libnvrtc.so.11.8.89.");

    internal static IReadOnlyList<KeyValuePair<string, Action>> All { get; } =
    [
        new("Compiler_Is11_8", () => Assert.That(Cache().Compiler.Version, Is.EqualTo(new Version(11, 8)))),
        new("Kernels_ForSm70_SpillNothingAndFit", () => SpillNothingAndFit(70)),
        new("Kernels_ForSm80_SpillNothingAndFit", () => SpillNothingAndFit(80)),
        new("Kernels_ForSm90_SpillNothingAndFit", () => SpillNothingAndFit(90)),
        new("Ptx_ForSm70_IsReadByTheSimulatedGpu", PtxIsReadByTheSimulatedGpu),
    ];

    private static CompileCache Cache() => new(new NvrtcCompiler(), CompileCache.DefaultFolder);

    private static void SpillNothingAndFit(int architecture)
    {
        ImmutableArray<KernelReportRow> rows = KernelReport.Compile(Cache(), KernelCatalogue.All, [ComputeCapability.FromNumber(architecture)]);

        Assert.That(rows, Has.Length.GreaterThan(100));
        Assert.That(
            rows.Where(row => row.Resources.SpillStoreBytes + row.Resources.SpillLoadBytes + row.Resources.StackBytes > 0 || row.ResidentBlocks == 0)
                .Select(row => $"{row.Kernel}: {row.Resources}, {row.ResidentBlocks} blocks an SM"),
            Is.Empty);
    }

    // Read and translated, which is where an instruction that the simulator does not know is found.
    private static void PtxIsReadByTheSimulatedGpu()
    {
        const int volta = 70;
        CompileCache cache = Cache();
        KernelInstance[][] sources = [.. KernelCatalogue.All.Where(kernel => kernel.IsFor(volta)).GroupBy(kernel => kernel.Source).Select(source => source.ToArray())];
        var images = new CompiledImage[sources.Length];
        Parallel.For(0, sources.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            images[i] = cache.GetOrCompile(KernelSources.Request(ComputeCapability.FromNumber(volta), ImageFormat.Ptx, sources[i])).Image);

        using var driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(volta), new SimulatorOptions());
        foreach (CompiledImage image in images)
        {
            using GpuModule module = driver.LoadModule(image.Bytes.Span, image.LoweredNames.Keys.First());
            foreach (string kernel in image.LoweredNames.Values)
            {
                Assert.That(module.GetFunction(kernel), Is.Not.Null);
            }
        }
    }
}
