using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// Who last wrote and who read each 4-byte word of a block's shared memory, and when by the block's clock. An entry is: time in bits
/// 0..27, lane in 28..32, warp in 33..37, several lanes in 38, atomic in 39, site in 40..59, bytes in 60..63. Two more arrays have the warps
/// that read and when each of them did last.
/// </summary>
internal sealed unsafe class SharedRaceShadow : IDisposable
{
    internal const ulong TimeBits = (1ul << 28) - 1;
    internal const ulong LaneAndWarpBits = 0x3FFul << 28;
    internal const ulong SeveralLanes = 1ul << 38;
    internal const ulong AtomicBit = 1ul << 39;
    internal const ulong ByteBits = 0xFul << 60;

    private readonly int _words;

    internal SharedRaceShadow(int bytes, int warps)
    {
        _words = (bytes + 3) / 4;
        Writers = (ulong*)NativeMemory.AllocZeroed((nuint)_words + 1, sizeof(ulong));
        Readers = (ulong*)NativeMemory.AllocZeroed((nuint)_words + 1, sizeof(ulong));
        ReaderTimes = (uint*)NativeMemory.Alloc(((nuint)_words + 1) * (nuint)warps, sizeof(uint));
        ReaderWarps = (uint*)NativeMemory.AllocZeroed((nuint)_words + 1, sizeof(uint));
    }

    internal ulong* Writers { get; private set; }

    internal ulong* Readers { get; private set; }

    internal uint* ReaderWarps { get; private set; }

    /// <summary>For each word and each warp the time of its last read; valid where the warp's bit is set.</summary>
    internal uint* ReaderTimes { get; private set; }

    internal static ulong Entry(uint time, int warp, int lane, int site, bool atomic) =>
        time | ((ulong)lane << 28) | ((ulong)warp << 33) | ((ulong)site << 40) | (atomic ? AtomicBit : 0);

    internal static uint Time(ulong entry) => (uint)(entry & TimeBits);

    internal static int Lane(ulong entry) => (int)(entry >> 28) & 31;

    internal static int Warp(ulong entry) => (int)(entry >> 33) & 31;

    internal static int Site(ulong entry) => (int)(entry >> 40) & 0xF_FFFF;

    internal void Clear()
    {
        new Span<ulong>(Writers, _words).Clear();
        new Span<ulong>(Readers, _words).Clear();
        new Span<uint>(ReaderWarps, _words).Clear();
    }

    public void Dispose()
    {
        NativeMemory.Free(Writers);
        NativeMemory.Free(Readers);
        NativeMemory.Free(ReaderWarps);
        NativeMemory.Free(ReaderTimes);
        Writers = null;
        Readers = null;
        ReaderWarps = null;
        ReaderTimes = null;
    }
}
