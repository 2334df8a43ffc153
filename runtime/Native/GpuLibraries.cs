using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.Cupti;

namespace GptEngine.Runtime.Native;

/// <summary>
/// Which of several installed versions serves a GPU: the newest in the order of <see cref="NativeSearchPlaces"/> that still knows it. CUDA
/// 13's NVRTC and cuBLASLt have dropped everything before Turing, so a V100 beside both takes 12's.
/// </summary>
public static unsafe class GpuLibraries
{
    // cublasLtGetVersion's number of the first version that has dropped what came before sm_75.
    private const ulong FirstFromTuring = 130000;
    private const int Turing = 75;

    /// <summary>Opens NVRTC and cuBLASLt for a GPU, unless the process has opened them already. Where none serves, the first found is opened.</summary>
    /// <param name="architecture">70, 80, 90, …</param>
    public static void OpenFor(int architecture)
    {
        NativeLibraries.TryOpen(NativeLibraryName.Nvrtc, handle => CompilesFor(handle, architecture));
        NativeLibraries.TryOpen(NativeLibraryName.CublasLt, handle => MultipliesOn(handle, architecture));
    }

    /// <summary>Opens CUPTI for a GPU, unless the process has: the newest that knows it and that is not of a newer CUDA than the driver.</summary>
    /// <param name="architecture">70, 80, 90, …</param>
    internal static NativeLibraryOpening OpenTracing(int architecture)
    {
        int driver = DriverVersion();
        return NativeLibraries.TryOpen(NativeLibraryName.Cupti, handle => CuptiLibrary.Serves(handle, architecture, driver));
    }

    // 1000 · major + 10 · minor; 0 where there is none.
    private static int DriverVersion()
    {
        int version = 0;
        NativeLibraryOpening driver = NativeLibraries.TryOpen(NativeLibraryName.Driver);
        return driver.IsOpen && NativeLibrary.TryGetExport(driver.Handle, "cuDriverGetVersion", out nint address)
            && ((delegate* unmanaged[Cdecl]<int*, int>)address)(&version) == 0
            ? version
            : 0;
    }

    // A GPU newer than all that NVRTC knows runs the PTX of the newest.
    private static bool CompilesFor(nint nvrtc, int architecture)
    {
        if (!NativeLibrary.TryGetExport(nvrtc, "nvrtcGetNumSupportedArchs", out nint counting)
            || !NativeLibrary.TryGetExport(nvrtc, "nvrtcGetSupportedArchs", out nint listing))
        {
            return false;
        }

        int count;
        if (((delegate* unmanaged[Cdecl]<int*, int>)counting)(&count) != 0 || count is < 1 or > 1024)
        {
            return false;
        }

        int[] known = new int[count];
        fixed (int* start = known)
        {
            return ((delegate* unmanaged[Cdecl]<int*, int>)listing)(start) == 0
                && (Array.IndexOf(known, architecture) >= 0 || Array.TrueForAll(known, older => older < architecture));
        }
    }

    private static bool MultipliesOn(nint cublasLt, int architecture) =>
        architecture >= Turing
        || (NativeLibrary.TryGetExport(cublasLt, "cublasLtGetVersion", out nint version)
            && ((delegate* unmanaged[Cdecl]<nuint>)version)() < FirstFromTuring);
}
