using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// What warpgroup products read of a block's shared memory, from the product to the wait for its group: who overwrites it in between is
/// found out, and once it was waited for, the read has happened at the time of the wait.
/// </summary>
internal sealed unsafe class ProductReads : IDisposable
{
    private readonly record struct Pending(int Group, int[] Places, int From, int Count, int Site);

    private readonly ThreadBlock _block;
    private readonly Queue<Pending>[] _pending;
    private readonly int _chunks;

    /// <summary>For each 16 bytes how many products under way read them, and the last one's site and warp.</summary>
    private ushort* _readers;
    private int* _last;
    private int _count;

    internal ProductReads(ThreadBlock block)
    {
        _block = block;
        _chunks = (block.Launch.SharedBytes / MatrixDescriptor.ChunkBytes) + 1;
        _readers = (ushort*)NativeMemory.AllocZeroed((nuint)_chunks, sizeof(ushort));
        _last = (int*)NativeMemory.AllocZeroed((nuint)_chunks, sizeof(int));
        _pending = new Queue<Pending>[block.Warps.Length];
        for (int i = 0; i < _pending.Length; i++)
        {
            _pending[i] = new Queue<Pending>();
        }
    }

    /// <summary>A product of a warp reads chunks: they must be written, before it and for it to see.</summary>
    internal void Begin(Warp warp, MemorySite site, int[] places, int from, int count)
    {
        CheckWritten(warp, site, places.AsSpan(from, count));
        if (!_block.Launch.Has(SimulatorChecks.SharedRaces))
        {
            return;
        }

        ulong known = 0;
        for (int i = from; i < from + count; i++)
        {
            int place = places[i];
            known = ProductRaces.Check(warp, site, place, known);
            _readers[place / MatrixDescriptor.ChunkBytes]++;
            _last[place / MatrixDescriptor.ChunkBytes] = (site.Index << 5) | warp.Index;
        }

        _count += count;
        _pending[warp.Index].Enqueue(new Pending(warp.Products.Open, places, from, count, site.Index));
    }

    /// <summary>The warp has waited: what its completed products read, they have read.</summary>
    internal void End(Warp warp)
    {
        Queue<Pending> pending = _pending[warp.Index];
        while (pending.TryPeek(out Pending read) && !warp.Products.IsUnderWay(read.Group))
        {
            pending.Dequeue();
            ulong entry = SharedRaceShadow.Entry(_block.Time, warp.Index, 0, read.Site, atomic: false);
            for (int i = read.From; i < read.From + read.Count; i++)
            {
                _readers[read.Places[i] / MatrixDescriptor.ChunkBytes]--;
                ProductRaces.Leave(warp, read.Places[i], entry);
            }

            _count -= read.Count;
        }
    }

    /// <summary>A lane writes shared memory.</summary>
    internal void CheckWrite(Warp warp, MemorySite site, int lane, int offset)
    {
        if (_count == 0 || _readers[offset / MatrixDescriptor.ChunkBytes] == 0)
        {
            return;
        }

        int last = _last[offset / MatrixDescriptor.ChunkBytes];
        warp.Block.Report(
            FindingKind.ProductNotWaitedFor,
            warp.ThreadOf(lane),
            site,
            string.Create(CultureInfo.InvariantCulture, $"byte {offset} of shared memory is overwritten while a warpgroup product that reads it was not waited for."),
            last >> 5,
            warp.Block.Describe((last & 31) * Warp.Lanes, last >> 5));
    }

    internal void Clear()
    {
        foreach (Queue<Pending> pending in _pending)
        {
            pending.Clear();
        }

        if (_count != 0)
        {
            new Span<ushort>(_readers, _chunks).Clear();
            _count = 0;
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_readers);
        NativeMemory.Free(_last);
        _readers = null;
        _last = null;
    }

    private void CheckWritten(Warp warp, MemorySite site, ReadOnlySpan<int> places)
    {
        if (!_block.Launch.Has(SimulatorChecks.Uninitialized))
        {
            return;
        }

        const ulong written = 0x0101_0101_0101_0101;
        foreach (int place in places)
        {
            ulong* state = (ulong*)(_block.SharedState + place);
            if (state[0] != written || state[1] != written)
            {
                SharedAccess.ReportUnwritten(warp, site, 0, place, new ReadOnlySpan<byte>(state, MatrixDescriptor.ChunkBytes).Contains(SharedAccess.OnItsWay));
                return;
            }
        }
    }
}
