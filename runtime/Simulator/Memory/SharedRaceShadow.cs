using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// Who last wrote and who read each piece of a block's shared memory (a word, or a byte where accesses are smaller), and when by the
/// block's clock. An entry is: time in bits 0..27, lane in 28..32, warp in 33..37, several lanes in 38, atomic in 39, site in 40..59, by the asynchronous proxy in 60. Two
/// more arrays have the warps that read and when each of them did last.
/// </summary>
internal sealed unsafe class SharedRaceShadow : IDisposable
{
    internal const ulong TimeBits = (1ul << 28) - 1;
    internal const ulong LaneAndWarpBits = 0x3FFul << 28;
    internal const ulong SeveralLanes = 1ul << 38;
    internal const ulong AtomicBit = 1ul << 39;
    internal const ulong AsyncProxyBit = 1ul << 60;

    private readonly int _pieces;

    /// <param name="bytes">Bytes of the shared memory.</param>
    /// <param name="pieceBytes">4 or 1.</param>
    /// <param name="warps">Warps of the block.</param>
    internal SharedRaceShadow(int bytes, int pieceBytes, int warps)
    {
        PieceBytes = pieceBytes;
        _pieces = (bytes + pieceBytes - 1) / pieceBytes;
        Writers = (ulong*)NativeMemory.AllocZeroed((nuint)_pieces + 1, sizeof(ulong));
        Readers = (ulong*)NativeMemory.AllocZeroed((nuint)_pieces + 1, sizeof(ulong));
        ReaderTimes = (uint*)NativeMemory.Alloc(((nuint)_pieces + 1) * (nuint)warps, sizeof(uint));
        ReaderWarps = (uint*)NativeMemory.AllocZeroed((nuint)_pieces + 1, sizeof(uint));
    }

    internal int PieceBytes { get; }

    internal ulong* Writers { get; private set; }

    internal ulong* Readers { get; private set; }

    internal uint* ReaderWarps { get; private set; }

    /// <summary>For each piece and each warp the time of its last read; valid where the warp's bit is set.</summary>
    internal uint* ReaderTimes { get; private set; }

    internal static ulong Entry(uint time, int warp, int lane, int site, bool atomic) =>
        time | ((ulong)lane << 28) | ((ulong)warp << 33) | ((ulong)site << 40) | (atomic ? AtomicBit : 0);

    internal static uint Time(ulong entry) => (uint)(entry & TimeBits);

    internal static int Lane(ulong entry) => (int)(entry >> 28) & 31;

    internal static int Warp(ulong entry) => (int)(entry >> 33) & 31;

    internal static int Site(ulong entry) => (int)(entry >> 40) & 0xF_FFFF;

    internal void Clear()
    {
        new Span<ulong>(Writers, _pieces).Clear();
        new Span<ulong>(Readers, _pieces).Clear();
        new Span<uint>(ReaderWarps, _pieces).Clear();
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
