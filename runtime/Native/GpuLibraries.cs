using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.Cupti;

namespace GptEngine.Runtime.Native;

/// <summary>
/// Which of several installed versions serves a GPU: the newest in the order of <see cref="NativeSearchPlaces"/> that still knows it, and that
/// is of no newer CUDA major than the driver, which need not run what that makes. CUDA 13's NVRTC and cuBLASLt have dropped everything before
/// Turing, so a V100 beside both takes 12's; a driver of CUDA 11.8 takes 11's.
/// </summary>
public static unsafe class GpuLibraries
{
    private const int FirstMajorFromTuring = 13;
    private const int Turing = 75;

    /// <summary>Opens NVRTC and cuBLASLt for a GPU, unless the process has opened them already. Where none serves, the first found is opened.</summary>
    /// <param name="architecture">70, 80, 90, …</param>
    public static void OpenFor(int architecture)
    {
        int driver = DriverVersion();
        NativeLibraries.TryOpen(NativeLibraryName.Nvrtc, handle => SuitsDriver(NvrtcMajor(handle), driver) && CompilesFor(handle, architecture));
        NativeLibraries.TryOpen(NativeLibraryName.CublasLt, handle => MultipliesOn(CublasLtMajor(handle), architecture, driver));
    }

    /// <summary>Those of NVRTC and cuBLASLt that are open although they are of a newer CUDA major than the driver: nothing else was found.</summary>
    public static IEnumerable<(NativeLibraryName Library, int Major, Version Driver)> NewerThanDriver()
    {
        int driver = DriverVersion();
        (NativeLibraryName Library, Func<nint, int> MajorOf)[] libraries = [(NativeLibraryName.Nvrtc, NvrtcMajor), (NativeLibraryName.CublasLt, CublasLtMajor)];
        foreach ((NativeLibraryName library, Func<nint, int> majorOf) in libraries)
        {
            NativeLibraryOpening opening = NativeLibraries.TryOpen(library);
            if (opening.IsOpen && majorOf(opening.Handle) is var major && !SuitsDriver(major, driver))
            {
                yield return (library, major, new Version(driver / 1000, driver % 1000 / 10));
            }
        }
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

    /// <summary>Whether a cuBLASLt has kernels for a GPU, and a driver that runs them.</summary>
    /// <param name="major">The library's CUDA; 0 where it does not say.</param>
    /// <param name="architecture">70, 80, 90, …</param>
    /// <param name="driver">1000 · major + 10 · minor; 0 where it does not say.</param>
    internal static bool MultipliesOn(int major, int architecture, int driver) =>
        SuitsDriver(major, driver) && (architecture >= Turing || major is > 0 and < FirstMajorFromTuring);

    /// <summary>Whether a driver need run what a library makes: within a major any two minors go together, and newer drivers run older libraries.</summary>
    /// <param name="major">The library's CUDA.</param>
    /// <param name="driver">1000 · major + 10 · minor; 0 where it does not say.</param>
    internal static bool SuitsDriver(int major, int driver) => driver == 0 || major <= driver / 1000;

    private static int NvrtcMajor(nint nvrtc)
    {
        int major = 0;
        int minor = 0;
        return NativeLibrary.TryGetExport(nvrtc, "nvrtcVersion", out nint version)
            && ((delegate* unmanaged[Cdecl]<int*, int*, int>)version)(&major, &minor) == 0
            ? major
            : 0;
    }

    // 10,000 · major and so on, since cuBLAS 11.
    private static int CublasLtMajor(nint cublasLt) => NativeLibrary.TryGetExport(cublasLt, "cublasLtGetVersion", out nint version)
        ? (int)(((delegate* unmanaged[Cdecl]<nuint>)version)() / 10_000)
        : 0;
}
