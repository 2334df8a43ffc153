using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;

namespace GptEngine.Runtime.Native.Cuda;

/// <summary>
/// Where the driver has its functions. Each is asked for by its base name and by the CUDA version in which the form that is bound here
/// appeared, so that any driver since gives that very form, however many newer ones it has: cuGetProcAddress_v2 from CUDA 12 on,
/// cuGetProcAddress from 11.3 on, before it, and where that knows nothing, the exported name.
/// </summary>
internal sealed unsafe class CudaEntryPoints
{
    /// <summary>Base name, exported name, and 1000 · major + 10 · minor of the version that brought it (cudaTypedefs.h).</summary>
    internal static readonly ImmutableArray<(string Symbol, string Export, int Version)> Known =
    [
        ("cuInit", "cuInit", 2000),
        ("cuGetErrorName", "cuGetErrorName", 6000),
        ("cuGetErrorString", "cuGetErrorString", 6000),
        ("cuDeviceGetCount", "cuDeviceGetCount", 2000),
        ("cuDeviceGet", "cuDeviceGet", 2000),
        ("cuDeviceGetName", "cuDeviceGetName", 2000),
        ("cuDeviceGetPCIBusId", "cuDeviceGetPCIBusId", 4010),
        ("cuDeviceTotalMem", "cuDeviceTotalMem_v2", 3020),
        ("cuDeviceGetAttribute", "cuDeviceGetAttribute", 2000),
        ("cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRetain", 7000),
        ("cuDevicePrimaryCtxRelease", "cuDevicePrimaryCtxRelease_v2", 11000),
        ("cuCtxSetCurrent", "cuCtxSetCurrent", 4000),
        ("cuCtxSynchronize", "cuCtxSynchronize", 2000),
        ("cuModuleLoadData", "cuModuleLoadData", 2000),
        ("cuModuleUnload", "cuModuleUnload", 2000),
        ("cuModuleGetFunction", "cuModuleGetFunction", 2000),
        ("cuModuleGetGlobal", "cuModuleGetGlobal_v2", 3020),
        ("cuFuncGetAttribute", "cuFuncGetAttribute", 2020),
        ("cuFuncSetAttribute", "cuFuncSetAttribute", 9000),
        ("cuOccupancyMaxActiveBlocksPerMultiprocessor", "cuOccupancyMaxActiveBlocksPerMultiprocessor", 6050),
        ("cuMemGetInfo", "cuMemGetInfo_v2", 3020),
        ("cuMemAlloc", "cuMemAlloc_v2", 3020),
        ("cuMemFree", "cuMemFree_v2", 3020),
        ("cuMemHostAlloc", "cuMemHostAlloc", 2020),
        ("cuMemFreeHost", "cuMemFreeHost", 2000),
        ("cuMemsetD8Async", "cuMemsetD8Async", 3020),
        ("cuMemcpyHtoDAsync", "cuMemcpyHtoDAsync_v2", 3020),
        ("cuMemcpyDtoHAsync", "cuMemcpyDtoHAsync_v2", 3020),
        ("cuMemcpyDtoDAsync", "cuMemcpyDtoDAsync_v2", 3020),
        ("cuStreamCreate", "cuStreamCreate", 2000),
        ("cuStreamDestroy", "cuStreamDestroy_v2", 4000),
        ("cuStreamSynchronize", "cuStreamSynchronize", 2000),
        ("cuStreamQuery", "cuStreamQuery", 2000),
        ("cuStreamWaitEvent", "cuStreamWaitEvent", 3020),
        ("cuLaunchHostFunc", "cuLaunchHostFunc", 10000),
        ("cuStreamBeginCapture", "cuStreamBeginCapture_v2", 10010),
        ("cuStreamEndCapture", "cuStreamEndCapture", 10000),
        ("cuGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags", 11040),
        ("cuGraphLaunch", "cuGraphLaunch", 10000),
        ("cuGraphExecDestroy", "cuGraphExecDestroy", 10000),
        ("cuGraphDestroy", "cuGraphDestroy", 10000),
        ("cuEventCreate", "cuEventCreate", 2000),
        ("cuEventDestroy", "cuEventDestroy_v2", 4000),
        ("cuEventRecord", "cuEventRecord", 2000),
        ("cuEventSynchronize", "cuEventSynchronize", 2000),
        ("cuEventQuery", "cuEventQuery", 2000),
        ("cuEventElapsedTime", "cuEventElapsedTime", 2000),
        ("cuLaunchKernel", "cuLaunchKernel", 4000),
    ];

    /// <summary>What a person does about a missing one.</summary>
    internal const string Remedy = "Install NVIDIA's driver 470 (CUDA 11.4) or newer, or use --device cpu.";

    private const int MostNamed = 3;

    private static readonly Lazy<CudaEntryPoints> Process = new(() =>
    {
        nint driver = NativeLibraries.Require(NativeLibraryName.Driver).Handle;
        return new CudaEntryPoints(name => NativeLibrary.TryGetExport(driver, name, out nint address) ? address : 0);
    });

    private readonly nint[] _addresses;

    /// <param name="export">The address of an exported function; 0 where there is none of that name.</param>
    internal CudaEntryPoints(Func<string, nint> export)
    {
        nint second = export("cuGetProcAddress_v2");
        nint first = export("cuGetProcAddress");
        _addresses = [.. Known.Select(known => ByVersion(second, first, known.Symbol, known.Version) is var address and not 0 ? address : export(known.Export))];
    }

    /// <summary>Those of the driver of this process.</summary>
    /// <exception cref="UserErrorException">There is no driver: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    internal static CudaEntryPoints OfThisProcess => Process.Value;

    /// <summary>Functions that the driver does not have, by the name that cuda.h gives them.</summary>
    internal IReadOnlyList<string> Missing => [.. Known.Where((_, i) => _addresses[i] == 0).Select(known => string.Create(
        CultureInfo.InvariantCulture, $"{known.Symbol} (CUDA {known.Version / 1000}.{known.Version % 1000 / 10})"))];

    /// <summary>What a message says of <see cref="Missing"/>: the first of them, and how many there are.</summary>
    internal string Lack => Missing is { Count: > MostNamed } missing
        ? string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", missing.Take(MostNamed))} and {missing.Count - MostNamed} more of {Known.Length}")
        : string.Join(", ", Missing);

    /// <summary>The address of a function.</summary>
    /// <exception cref="UserErrorException">The driver lacks it: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    internal nint this[CudaEntryPoint function] => _addresses[(int)function] is var address and not 0 ? address : throw Lacking();

    /// <summary>Throws where any function is missing: better before a run than in it.</summary>
    /// <exception cref="UserErrorException">Names what is missing: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    internal void RequireAll()
    {
        if (Array.IndexOf(_addresses, 0) >= 0)
        {
            throw Lacking();
        }
    }

    private UserErrorException Lacking() => new(
        $"The driver has no {Lack}. {Remedy}", ExitCode.MissingDependency);

    /// <summary>What the driver gives for a name and a version; 0 where it does not tell, or knows no such function.</summary>
    private static nint ByVersion(nint second, nint first, string symbol, int version)
    {
        nint address = 0;
        fixed (byte* name = Encoding.UTF8.GetBytes(symbol + '\0'))
        {
            int status;
            if (second != 0)
            {
                int found;
                status = ((delegate* unmanaged[Cdecl]<byte*, nint*, int, ulong, int*, int>)second)(name, &address, version, 0, &found);
                return status == CudaNative.Success && found == 0 ? address : 0;
            }

            if (first == 0)
            {
                return 0;
            }

            status = ((delegate* unmanaged[Cdecl]<byte*, nint*, int, ulong, int>)first)(name, &address, version, 0);
            return status == CudaNative.Success ? address : 0;
        }
    }
}
