using System;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// Who last wrote and who read each piece of an allocation in the running launch. Accesses of 4 bytes and more leave their traces by words,
/// smaller ones by bytes, in pages of their own: so neighbours within a word are told apart, and the words stay cheap. Pages are made when
/// touched and cleared after the launch. An entry is: block + 1 in bits 0..28, several blocks in 29, thread in 30..39, site in 40..58,
/// atomic in 59.
/// </summary>
internal sealed unsafe class GlobalRaceShadow(long size) : IDisposable
{
    /// <summary>Words of a page, or bytes of one.</summary>
    internal const int PiecesPerPage = 4096;
    internal const int WordBytes = 4;
    internal const ulong BlockBits = (1ul << 29) - 1;
    internal const ulong Several = 1ul << 29;
    internal const ulong AtomicBit = 1ul << 59;

    private readonly nint[] _words = new nint[PageCount((size + WordBytes - 1) / WordBytes)];
    private readonly nint[] _bytes = new nint[PageCount(size)];
    private readonly ConcurrentBag<(nint[] Pages, int Index)> _touched = [];

    /// <summary>The entry of the word's last writer; that of its readers lies <see cref="PiecesPerPage"/> further on.</summary>
    internal ulong* Word(long word) => Page(_words, word) + (word % PiecesPerPage);

    /// <summary>The same for a byte.</summary>
    internal ulong* Byte(long at) => Page(_bytes, at) + (at % PiecesPerPage);

    /// <summary>The entry of a word where any word near it was touched, else null.</summary>
    internal ulong* WordIfAny(long word) => IfAny(_words, word);

    /// <summary>The same for a byte.</summary>
    internal ulong* ByteIfAny(long at) => IfAny(_bytes, at);

    /// <summary>Forgets the launch that has ended.</summary>
    internal void Clear()
    {
        while (_touched.TryTake(out (nint[] Pages, int Index) page))
        {
            NativeMemory.Free((void*)page.Pages[page.Index]);
            page.Pages[page.Index] = 0;
        }
    }

    public void Dispose() => Clear();

    internal static ulong Entry(long block, int thread, int site, bool atomic) =>
        ((ulong)(block + 1) & BlockBits) | ((ulong)thread << 30) | ((ulong)site << 40) | (atomic ? AtomicBit : 0);

    private static long PageCount(long pieces) => (pieces + PiecesPerPage - 1) / PiecesPerPage;

    private static ulong* IfAny(nint[] pages, long piece)
    {
        nint page = Volatile.Read(ref pages[(int)(piece / PiecesPerPage)]);
        return page == 0 ? null : (ulong*)page + (piece % PiecesPerPage);
    }

    private ulong* Page(nint[] pages, long piece)
    {
        int index = (int)(piece / PiecesPerPage);
        nint page = Volatile.Read(ref pages[index]);
        return page != 0 ? (ulong*)page : Create(pages, index);
    }

    private ulong* Create(nint[] pages, int index)
    {
        nint made = (nint)NativeMemory.AllocZeroed(PiecesPerPage * 2, sizeof(ulong));
        nint before = Interlocked.CompareExchange(ref pages[index], made, 0);
        if (before != 0)
        {
            NativeMemory.Free((void*)made);
            return (ulong*)before;
        }

        _touched.Add((pages, index));
        return (ulong*)made;
    }
}
