using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>The few functions of the system's libzstd that decompression takes. Source: zstd.h, stable API.</summary>
internal static unsafe partial class ZstandardLibrary
{
    private const string Library = "libzstd.so.1";

    /// <summary>ZSTD_inBuffer and ZSTD_outBuffer: memory, its size, and how far it is read or written.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Buffer
    {
        public byte* Memory;
        public nuint Size;
        public nuint Position;
    }

    /// <exception cref="UserErrorException">The machine has no libzstd.</exception>
    public static ZstandardHandle CreateDecompressor()
    {
        try
        {
            nint handle = CreateDStream();
            return handle != 0 ? new ZstandardHandle(handle) : throw new InsufficientMemoryException("ZSTD_createDStream returned null.");
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw new UserErrorException(
                $"Reading .zst files takes the library {Library}, which this machine lacks. " +
                "Install it (Debian, Ubuntu: apt-get install libzstd1), or unpack the files first.",
                ExitCode.MissingDependency,
                e);
        }
    }

    [LibraryImport(Library, EntryPoint = "ZSTD_createDStream")]
    private static partial nint CreateDStream();

    [LibraryImport(Library, EntryPoint = "ZSTD_freeDStream")]
    public static partial nuint FreeDStream(nint stream);

    /// <summary>0 when a frame ended, an error code, or else a hint of how much input is wanted.</summary>
    [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream")]
    public static partial nuint DecompressStream(ZstandardHandle stream, Buffer* output, Buffer* input);

    [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
    public static partial uint IsError(nuint code);

    [LibraryImport(Library, EntryPoint = "ZSTD_getErrorName")]
    private static partial byte* GetErrorName(nuint code);

    public static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((nint)GetErrorName(code)) ?? "unknown error";
}
