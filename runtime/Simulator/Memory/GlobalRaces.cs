using System;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Finds accesses of two blocks of a launch to the same bytes of global memory that nothing orders, one of them a write.</summary>
internal static unsafe class GlobalRaces
{
    /// <summary>32 lanes side by side, of whole words: what is new or this block's own takes the short road.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void CheckRange(Warp warp, MemorySite site, DeviceAllocation allocation, long offset, bool write)
    {
        int bytes = site.Bytes;
        if (bytes < 4 || site.IsSynchronizing || site.IsAtomic)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                Check(warp, site, lane, allocation, offset + ((long)lane * bytes), bytes, write);
            }

            return;
        }

        int wordsALane = bytes / 4;
        long first = offset >> 2;
        ulong block = (ulong)(warp.Block.Linear + 1) & GlobalRaceShadow.BlockBits;
        ulong* page = null;
        for (int i = 0; i < wordsALane * Warp.Lanes; i++)
        {
            long word = first + i;
            int inPage = (int)(word % GlobalRaceShadow.WordsPerPage);
            if (page == null || inPage == 0)
            {
                page = allocation.Races.Page(word);
            }

            ulong writer = page[inPage];
            ulong reader = page[inPage + GlobalRaceShadow.WordsPerPage];
            ulong own = write ? writer : reader;
            ulong other = write ? reader : writer;
            int lane = i / wordsALane;
            if (own == 0 && other == 0)
            {
                ulong* place = page + inPage + (write ? 0 : GlobalRaceShadow.WordsPerPage);
                ulong entry = GlobalRaceShadow.ByteBits | GlobalRaceShadow.Entry(warp.Block.Linear, warp.ThreadOf(lane), site.Index, atomic: false);
                if (Interlocked.CompareExchange(ref *place, entry, 0) == 0 && Volatile.Read(ref page[inPage + (write ? GlobalRaceShadow.WordsPerPage : 0)]) == 0)
                {
                    continue;
                }
            }
            else if (IsKnown(own, block, write) && (other == 0 || (other & (GlobalRaceShadow.BlockBits | GlobalRaceShadow.Several)) == block))
            {
                continue;
            }

            Check(warp, site, lane, allocation, 4 * word, 4, write);
        }
    }

    /// <summary>Whether an entry says already all that this access would add to it.</summary>
    private static bool IsKnown(ulong entry, ulong block, bool write) =>
        (entry & GlobalRaceShadow.ByteBits) == GlobalRaceShadow.ByteBits && (entry & GlobalRaceShadow.AtomicBit) == 0
        && ((entry & (GlobalRaceShadow.BlockBits | GlobalRaceShadow.Several)) == block || (!write && (entry & GlobalRaceShadow.Several) != 0));

    /// <summary>Compares an access with what other blocks did to the same bytes in this launch, and leaves its own trace.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Check(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long offset, int bytes, bool write)
    {
        ThreadBlock block = warp.Block;
        bool atomic = site.IsAtomic || site.IsSynchronizing;
        ulong mine = GlobalRaceShadow.Entry(block.Linear, warp.ThreadOf(lane), site.Index, atomic);
        for (long at = offset; at < offset + bytes; at = (at | 3) + 1)
        {
            int inWord = (int)Math.Min(4 - (at & 3), offset + bytes - at);
            ulong entry = mine | ((ulong)(((1 << inWord) - 1) << (int)(at & 3)) << 60);
            long word = at >> 2;
            ulong* writer = allocation.Races.Page(word) + (word % GlobalRaceShadow.WordsPerPage);
            ulong* reader = writer + GlobalRaceShadow.WordsPerPage;
            if (write)
            {
                ulong before = Publish(writer, entry, isReader: false);
                Compare(warp, site, lane, allocation, at, before, entry, "written");
                Compare(warp, site, lane, allocation, at, Volatile.Read(ref *reader), entry, "read");
            }
            else
            {
                Publish(reader, entry, isReader: true);
                Compare(warp, site, lane, allocation, at, Volatile.Read(ref *writer), entry, "written");
            }
        }
    }

    /// <summary>Puts an entry into its place and returns what stood there.</summary>
    private static ulong Publish(ulong* place, ulong entry, bool isReader)
    {
        while (true)
        {
            ulong before = Volatile.Read(ref *place);
            ulong after;
            if (before == 0)
            {
                after = entry;
            }
            else if (((before ^ entry) & GlobalRaceShadow.BlockBits) == 0)
            {
                after = before | (entry & GlobalRaceShadow.ByteBits);
                after = (entry & GlobalRaceShadow.AtomicBit) == 0 ? after & ~GlobalRaceShadow.AtomicBit : after;
            }
            else
            {
                after = isReader ? before | GlobalRaceShadow.Several | (entry & GlobalRaceShadow.ByteBits) : entry;
                after = isReader && (entry & GlobalRaceShadow.AtomicBit) == 0 ? after & ~GlobalRaceShadow.AtomicBit : after;
            }

            if (after == before || Interlocked.CompareExchange(ref *place, after, before) == before)
            {
                return before;
            }
        }
    }

    private static void Compare(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long offset, ulong other, ulong mine, string deed)
    {
        bool sameBlock = ((other ^ mine) & GlobalRaceShadow.BlockBits) == 0 && (other & GlobalRaceShadow.Several) == 0;
        if (other == 0 || sameBlock || (other & mine & GlobalRaceShadow.ByteBits) == 0 || (other & mine & GlobalRaceShadow.AtomicBit) != 0)
        {
            return;
        }

        long otherBlock = (long)(other & GlobalRaceShadow.BlockBits) - 1;
        ThreadBlock block = warp.Block;
        if (block.Seen.Contains(otherBlock))
        {
            return;
        }

        int otherSite = (int)(other >> 40) & 0x7_FFFF;
        int otherThread = (int)(other >> 30) & 0x3FF;
        string who = sameBlock || otherBlock == block.Linear
            ? "a thread of another block"
            : string.Create(CultureInfo.InvariantCulture, $"{block.Describe(otherThread, otherSite)} of block {block.Launch.Grid.At(otherBlock)}");
        block.Report(
            FindingKind.GlobalRace,
            warp.ThreadOf(lane),
            site,
            string.Create(CultureInfo.InvariantCulture, $"byte {offset} of {allocation.Name} was {deed} by another block of the launch with nothing to order the two."),
            otherSite,
            who);
    }
}
