using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace GptEngine.Runtime.Native.Cupti;

/// <summary>
/// The buffers that CUPTI fills with records. There is one set in a process, as there is one CUPTI: its callbacks are told of no caller. They
/// come on whatever thread CUPTI likes, its own among them.
/// </summary>
internal static unsafe class CuptiBuffers
{
    // NVIDIA's guide recommends 1 to 10 MB. A launch takes some 300 bytes: a buffer holds those of several steps.
    private const int BufferBytes = 4 << 20;

    // Beyond them records are dropped, which CUPTI counts.
    private const int MostBuffers = 64;

    // What the callbacks share; locked by itself.
    private static readonly Dictionary<nint, nuint> Filled = [];
    private static readonly HashSet<nint> Lent = [];
    private static readonly Lock Gate = new();
    private static readonly SemaphoreSlim Session = new(1, 1);

    internal static delegate* unmanaged[Cdecl]<byte**, nuint*, nuint*, void> Request => &Requested;

    internal static delegate* unmanaged[Cdecl]<nint, uint, byte*, nuint, nuint, void> Complete => &Completed;

    /// <summary>Takes the process's one session; false where another has it.</summary>
    internal static bool TryBegin() => Session.Wait(0);

    /// <summary>Gives the session back. Buffers that CUPTI still has stay its own, and come back in a later session.</summary>
    internal static void End() => Session.Release();

    /// <summary>What has come back: addresses and bytes that are valid. The caller frees each.</summary>
    internal static IReadOnlyList<(nint Buffer, nuint ValidBytes)> TakeFilled()
    {
        lock (Gate)
        {
            var filled = new List<(nint, nuint)>(Filled.Count);
            foreach ((nint buffer, nuint valid) in Filled)
            {
                filled.Add((buffer, valid));
            }

            Filled.Clear();
            return filled;
        }
    }

    internal static void Free(nint buffer) => NativeMemory.AlignedFree((void*)buffer);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Requested(byte** buffer, nuint* size, nuint* mostRecords)
    {
        *mostRecords = 0;
        *size = 0;
        *buffer = null;
        lock (Gate)
        {
            if (Lent.Count + Filled.Count >= MostBuffers)
            {
                return;
            }

            try
            {
                *buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, CuptiLayout.Alignment);
            }
            catch (System.OutOfMemoryException)
            {
                // No exception may pass through CUPTI. Without a buffer it drops the records, and counts them.
                return;
            }

            *size = BufferBytes;
            Lent.Add((nint)(*buffer));
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Completed(nint context, uint stream, byte* buffer, nuint size, nuint validBytes)
    {
        lock (Gate)
        {
            // What was not lent is not ours to read or to free.
            if (Lent.Remove((nint)buffer))
            {
                Filled[(nint)buffer] = nuint.Min(validBytes, BufferBytes);
            }
        }
    }
}
