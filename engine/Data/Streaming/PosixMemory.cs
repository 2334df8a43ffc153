using System.Runtime.InteropServices;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>The one call of the C library that memory-mapped reading takes.</summary>
internal static unsafe partial class PosixMemory
{
    private const int MadvWillNeed = 3;

    // Larger than any page of Linux on x64 and arm64, which is what the address must be a multiple of.
    private const nint PageBytes = 64 << 10;

    /// <summary>Asks the kernel to read a mapped range ahead. A hint: a refusal costs nothing but speed, so the result is not looked at.</summary>
    public static void WillNeed(byte* address, long bytes)
    {
        nint start = (nint)address & ~(PageBytes - 1);
        _ = Advise((void*)start, (nuint)(bytes + ((nint)address - start)), MadvWillNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint bytes, int advice);
}
