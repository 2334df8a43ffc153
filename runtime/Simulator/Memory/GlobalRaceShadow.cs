using System;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Threading;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// Who last wrote and who read each 4-byte word of an allocation in the running launch. Pages are made when touched and cleared after the
/// launch. An entry is: block + 1 in bits 0..28, several blocks in 29, thread in 30..39, site in 40..58, atomic in 59, bytes in 60..63.
/// </summary>
internal sealed unsafe class GlobalRaceShadow(long size) : IDisposable
{
    internal const int WordsPerPage = 4096;
    internal const ulong BlockBits = (1ul << 29) - 1;
    internal const ulong Several = 1ul << 29;
    internal const ulong AtomicBit = 1ul << 59;
    internal const ulong ByteBits = 0xFul << 60;

    private readonly nint[] _pages = new nint[((size + 3) / 4 + WordsPerPage - 1) / WordsPerPage];
    private readonly ConcurrentBag<int> _touched = [];

    /// <summary>The page of a word: first the writers of its words, then their readers.</summary>
    internal ulong* Page(long word)
    {
        int index = (int)(word / WordsPerPage);
        nint page = Volatile.Read(ref _pages[index]);
        return page != 0 ? (ulong*)page : Create(index);
    }

    /// <summary>Forgets the launch that has ended.</summary>
    internal void Clear()
    {
        while (_touched.TryTake(out int index))
        {
            NativeMemory.Free((void*)_pages[index]);
            _pages[index] = 0;
        }
    }

    public void Dispose() => Clear();

    internal static ulong Entry(long block, int thread, int site, bool atomic) =>
        ((ulong)(block + 1) & BlockBits) | ((ulong)thread << 30) | ((ulong)site << 40) | (atomic ? AtomicBit : 0);

    private ulong* Create(int index)
    {
        nint made = (nint)NativeMemory.AllocZeroed(WordsPerPage * 2, sizeof(ulong));
        nint before = Interlocked.CompareExchange(ref _pages[index], made, 0);
        if (before != 0)
        {
            NativeMemory.Free((void*)made);
            return (ulong*)before;
        }

        _touched.Add(index);
        return (ulong*)made;
    }
}
