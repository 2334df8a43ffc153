using System.Globalization;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native;

/// <summary>What an opened library says its version is, by the one function that each has for it.</summary>
public static unsafe class NativeVersion
{
    /// <summary>The version as people write it (12.4, 2.27.3), or null where the library does not tell.</summary>
    public static string? Of(NativeLibraryOpening opening)
    {
        if (!opening.IsOpen)
        {
            return null;
        }

        return opening.Library.ImportName switch
        {
            "cuda" => ByReference(opening.Handle, "cuDriverGetVersion") is { } version ? $"CUDA {version / 1000}.{version % 1000 / 10}" : null,
            "cublasLt" => Returned(opening.Handle, "cublasLtGetVersion") is { } version ? Dotted(version) : null,
            "nccl" => ByReference(opening.Handle, "ncclGetVersion") is { } version ? Dotted(version) : null,
            "cupti" => ByReference(opening.Handle, "cuptiGetVersion") is { } version ? string.Create(CultureInfo.InvariantCulture, $"interface {version}") : null,
            "nvrtc" => NvrtcVersion(opening.Handle),
            _ => null,
        };
    }

    // 120402 is 12.4.2; NCCL before 2.9 wrote 2804 for 2.8.4, which is too old to be bound.
    private static string Dotted(long version) => string.Create(CultureInfo.InvariantCulture, $"{version / 10000}.{version / 100 % 100}.{version % 100}");

    private static int? ByReference(nint library, string function)
    {
        int version;
        return NativeLibrary.TryGetExport(library, function, out nint address) && ((delegate* unmanaged[Cdecl]<int*, int>)address)(&version) == 0 ? version : null;
    }

    private static long? Returned(nint library, string function) =>
        NativeLibrary.TryGetExport(library, function, out nint address) ? (long)((delegate* unmanaged[Cdecl]<nuint>)address)() : null;

    private static string? NvrtcVersion(nint library)
    {
        int major, minor;
        return NativeLibrary.TryGetExport(library, "nvrtcVersion", out nint address) && ((delegate* unmanaged[Cdecl]<int*, int*, int>)address)(&major, &minor) == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{major}.{minor}")
            : null;
    }
}
