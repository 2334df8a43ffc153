using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Cuda;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>What libcuda says to our entry points and error numbers.</summary>
internal static class DriverChecks
{
    /// <summary>Entry points by the form of cuGetProcAddress that drivers of CUDA 12 have, by that of CUDA 11 alone, and with neither; before cuInit.</summary>
    internal static IReadOnlyList<KeyValuePair<string, Action>> All { get; } =
    [
        new("EntryPoints_AreTheirExports_ByCuda12sForm", () => EntryPointsAreTheirExports("cuGetProcAddress_v2")),
        new("EntryPoints_AreTheirExports_ByCuda11sForm", () => EntryPointsAreTheirExports("cuGetProcAddress")),
        new("EntryPoints_AreTheirExports_ByNeitherForm", () => EntryPointsAreTheirExports(null)),
        new("OutOfMemory_IsNamed", () => ErrorIsNamed(CudaNative.OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY")),
        new("NoDevice_IsNamed", () => ErrorIsNamed(CudaNative.NoDevice, "CUDA_ERROR_NO_DEVICE")),
        new("NotReady_IsNamed", () => ErrorIsNamed(CudaNative.NotReady, "CUDA_ERROR_NOT_READY")),
    ];

    private static void EntryPointsAreTheirExports(string? form)
    {
        nint driver = NativeLibraries.Require(NativeLibraryName.Driver).Handle;
        var points = new CudaEntryPoints(name =>
            (!name.StartsWith("cuGetProcAddress", StringComparison.Ordinal) || name == form) && NativeLibrary.TryGetExport(driver, name, out nint address) ? address : 0);
        Assert.That(points.Missing, Is.Empty);
        for (int i = 0; i < CudaEntryPoints.Known.Length; i++)
        {
            nint export = NativeLibrary.GetExport(driver, CudaEntryPoints.Known[i].Export);
            Assert.That(points[(CudaEntryPoint)i], Is.EqualTo(export), CudaEntryPoints.Known[i].Symbol);
        }
    }

    private static void ErrorIsNamed(int status, string name)
    {
        GpuException failure = CudaNative.Failure(status, "CudaNative.cuInit(0)", "");
        Assert.That(failure.Code, Is.EqualTo(name));
        Assert.That(failure.Message, Does.StartWith($"cuInit: {name}: ").And.Not.Contain("no description"));
    }
}
