using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Finds accesses of two blocks of a launch to the same bytes of global memory that nothing orders, one of them a write.</summary>
internal static unsafe class GlobalRaces
{
    /// <summary>32 lanes side by side: what is new or this block's own takes the short road.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void CheckRange(Warp warp, MemorySite site, DeviceAllocation allocation, long offset, bool write)
    {
        int bytes = site.Bytes;
        if (bytes < GlobalRaceShadow.WordBytes || IsOrdered(site))
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                Check(warp, site, lane, allocation, offset + ((long)lane * bytes), bytes, write);
            }

            return;
        }

        int wordsALane = bytes / GlobalRaceShadow.WordBytes;
        long first = offset / GlobalRaceShadow.WordBytes;
        ulong block = (ulong)(warp.Block.Linear + 1) & GlobalRaceShadow.BlockBits;
        int toOwn = write ? 0 : GlobalRaceShadow.PiecesPerPage;
        int toOther = GlobalRaceShadow.PiecesPerPage - toOwn;
        ulong* place = null;
        for (int i = 0; i < wordsALane * Warp.Lanes; i++, place++)
        {
            long word = first + i;
            if (place == null || word % GlobalRaceShadow.PiecesPerPage == 0)
            {
                place = allocation.Races.Word(word);
            }

            int lane = i / wordsALane;
            ulong own = place[toOwn];
            ulong other = place[toOther];
            if (own == 0 && other == 0)
            {
                ulong entry = GlobalRaceShadow.Entry(warp.Block.Linear, warp.ThreadOf(lane), site.Index, atomic: false);
                if (Interlocked.CompareExchange(ref place[toOwn], entry, 0) == 0 && Volatile.Read(ref place[toOther]) == 0
                    && allocation.Races.ByteIfAny(word * GlobalRaceShadow.WordBytes) == null)
                {
                    continue;
                }
            }
            else if (IsKnown(own, block, write) && (other == 0 || (other & (GlobalRaceShadow.BlockBits | GlobalRaceShadow.Several)) == block))
            {
                continue;
            }

            Check(warp, site, lane, allocation, word * GlobalRaceShadow.WordBytes, GlobalRaceShadow.WordBytes, write);
        }
    }

    /// <summary>Compares an access with what other blocks did to the same bytes in this launch, and leaves its own trace.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Check(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long offset, int bytes, bool write)
    {
        ulong mine = GlobalRaceShadow.Entry(warp.Block.Linear, warp.ThreadOf(lane), site.Index, IsOrdered(site));
        if (bytes < GlobalRaceShadow.WordBytes)
        {
            for (long at = offset; at < offset + bytes; at++)
            {
                Leave(warp, site, lane, allocation, at, allocation.Races.Byte(at), mine, write);
            }

            Compare(warp, site, lane, allocation, offset, allocation.Races.WordIfAny(offset / GlobalRaceShadow.WordBytes), mine, write);
            return;
        }

        for (long at = offset; at < offset + bytes; at += GlobalRaceShadow.WordBytes)
        {
            Leave(warp, site, lane, allocation, at, allocation.Races.Word(at / GlobalRaceShadow.WordBytes), mine, write);
            ulong* neighbours = allocation.Races.ByteIfAny(at);
            for (int i = 0; neighbours != null && i < GlobalRaceShadow.WordBytes && at + i < allocation.Size; i++)
            {
                Compare(warp, site, lane, allocation, at + i, neighbours + i, mine, write);
            }
        }
    }

    /// <summary>Atomic and synchronising accesses race with none of their kind, unless they bind their own block alone.</summary>
    private static bool IsOrdered(MemorySite site) => (site.IsAtomic || site.IsSynchronizing) && !site.IsBlockScoped;

    /// <summary>Whether an entry says already all that this access would add to it.</summary>
    private static bool IsKnown(ulong entry, ulong block, bool write) =>
        (entry & GlobalRaceShadow.AtomicBit) == 0
        && ((entry & (GlobalRaceShadow.BlockBits | GlobalRaceShadow.Several)) == block || (!write && (entry & GlobalRaceShadow.Several) != 0));

    private static void Leave(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long at, ulong* place, ulong mine, bool write)
    {
        ulong before = Publish(place + (write ? 0 : GlobalRaceShadow.PiecesPerPage), mine, isReader: !write);
        if (write)
        {
            Compare(warp, site, lane, allocation, at, before, mine, "written");
            Compare(warp, site, lane, allocation, at, Volatile.Read(ref place[GlobalRaceShadow.PiecesPerPage]), mine, "read");
        }
        else
        {
            Compare(warp, site, lane, allocation, at, Volatile.Read(ref *place), mine, "written");
        }
    }

    /// <summary>Compares with entries of the other size of pieces, where there are any.</summary>
    private static void Compare(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long at, ulong* place, ulong mine, bool write)
    {
        if (place == null)
        {
            return;
        }

        Compare(warp, site, lane, allocation, at, Volatile.Read(ref *place), mine, "written");
        if (write)
        {
            Compare(warp, site, lane, allocation, at, Volatile.Read(ref place[GlobalRaceShadow.PiecesPerPage]), mine, "read");
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
                after = (entry & GlobalRaceShadow.AtomicBit) == 0 ? before & ~GlobalRaceShadow.AtomicBit : before;
            }
            else
            {
                after = isReader ? before | GlobalRaceShadow.Several : entry;
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
        if (other == 0 || sameBlock || (other & mine & GlobalRaceShadow.AtomicBit) != 0)
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
