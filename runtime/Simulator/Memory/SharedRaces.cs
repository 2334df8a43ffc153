using System;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// Finds accesses of shared memory that nothing orders, by vector clocks over the block's warps: an access of warp v at time t comes before
/// warp w's next if w has heard of v's time t, through a barrier, an mbarrier or an atomic. Within a warp __syncwarp or a barrier orders.
/// </summary>
internal static unsafe class SharedRaces
{
    /// <summary>A range of bytes, of any alignment.</summary>
    internal static void Check(Warp warp, MemorySite site, int lane, int offset, int bytes, bool write)
    {
        ulong mine = SharedRaceShadow.Entry(warp.Block.Time, warp.Index, lane, site.Index, site.IsAtomic || site.IsSynchronizing);
        for (int at = offset; at < offset + bytes; at = (at | 3) + 1)
        {
            int inWord = Math.Min(4 - (at & 3), offset + bytes - at);
            CheckWord(warp, site, lane, at >> 2, mine | ((ulong)(((1 << inWord) - 1) << (at & 3)) << 60), write);
        }
    }

    /// <summary>Whole words.</summary>
    internal static void CheckWords(Warp warp, MemorySite site, int lane, int offset, int bytes, bool write)
    {
        ulong mine = SharedRaceShadow.ByteBits
            | SharedRaceShadow.Entry(warp.Block.Time, warp.Index, lane, site.Index, site.IsAtomic || site.IsSynchronizing);
        for (int word = offset >> 2; word < (offset + bytes) >> 2; word++)
        {
            CheckWord(warp, site, lane, word, mine, write);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CheckWord(Warp warp, MemorySite site, int lane, int word, ulong entry, bool write)
    {
        SharedRaceShadow races = warp.Block.Races;
        ulong writer = races.Writers[word];
        if (writer != 0 && ((writer ^ entry) & SharedRaceShadow.LaneAndWarpBits) != 0 && SharedRaceShadow.Time(writer) > warp.Clock[SharedRaceShadow.Warp(writer)])
        {
            ReportWriter(warp, site, lane, word, writer, entry, write);
        }

        uint own = 1u << warp.Index;
        uint readers = races.ReaderWarps[word];
        if (!write)
        {
            ulong reader = races.Readers[word];
            bool same = ((reader ^ entry) & (SharedRaceShadow.TimeBits | (0x1Ful << 33))) == 0 && reader != 0;
            ulong several = same && ((reader ^ entry) & SharedRaceShadow.LaneAndWarpBits) != 0 ? SharedRaceShadow.SeveralLanes : 0;
            races.Readers[word] = entry | several | (same ? reader & (SharedRaceShadow.ByteBits | SharedRaceShadow.SeveralLanes) : 0);
            races.ReaderWarps[word] = readers | own;
            races.ReaderTimes[(word * warp.Block.Warps.Length) + warp.Index] = SharedRaceShadow.Time(entry);
            return;
        }

        if (readers != 0 && Overlaps(races.Readers[word], entry))
        {
            CompareReaders(warp, site, lane, word, readers);
            races.ReaderWarps[word] = 0;
            races.Readers[word] = 0;
        }

        bool mineToo = ((writer ^ entry) & (SharedRaceShadow.LaneAndWarpBits | SharedRaceShadow.TimeBits)) == 0;
        races.Writers[word] = mineToo ? entry | (writer & SharedRaceShadow.ByteBits) : entry;
    }

    private static bool Overlaps(ulong other, ulong mine) =>
        (other & mine & SharedRaceShadow.ByteBits) != 0 && (other & mine & SharedRaceShadow.AtomicBit) == 0;

    private static void ReportWriter(Warp warp, MemorySite site, int lane, int word, ulong writer, ulong entry, bool write)
    {
        bool sameWarp = SharedRaceShadow.Warp(writer) == warp.Index;

        // Lanes of one store that meet: which one wins is open, but no barrier could order them.
        bool oneStore = write && sameWarp && SharedRaceShadow.Site(writer) == site.Index;
        if (Overlaps(writer, entry) && !oneStore && (!sameWarp || warp.Block.Launch.Has(SimulatorChecks.WarpRaces)))
        {
            Report(warp, site, lane, word, writer, SharedRaceShadow.Warp(writer), "written");
        }
    }

    private static void CompareReaders(Warp warp, MemorySite site, int lane, int word, uint readers)
    {
        SharedRaceShadow races = warp.Block.Races;
        ulong reader = races.Readers[word];
        uint* times = races.ReaderTimes + (word * warp.Block.Warps.Length);
        for (uint rest = readers & ~(1u << warp.Index); rest != 0; rest &= rest - 1)
        {
            int other = BitOperations.TrailingZeroCount(rest);
            if (times[other] > warp.Clock[other])
            {
                Report(warp, site, lane, word, reader, other, "read");
                return;
            }
        }

        bool otherLane = SharedRaceShadow.Lane(reader) != lane || (reader & SharedRaceShadow.SeveralLanes) != 0;
        if (SharedRaceShadow.Warp(reader) == warp.Index && otherLane && SharedRaceShadow.Time(reader) > warp.Clock[warp.Index]
            && warp.Block.Launch.Has(SimulatorChecks.WarpRaces))
        {
            Report(warp, site, lane, word, reader, warp.Index, "read");
        }
    }

    private static void Report(Warp warp, MemorySite site, int lane, int word, ulong other, int otherWarp, string deed)
    {
        int otherSite = SharedRaceShadow.Site(other);
        bool within = otherWarp == warp.Index;
        warp.Block.Report(
            within ? FindingKind.WarpRace : FindingKind.SharedRace,
            warp.ThreadOf(lane),
            site,
            string.Create(
                CultureInfo.InvariantCulture,
                $"byte {4 * word} of shared memory was {deed} by another thread with no {(within ? "__syncwarp" : "barrier")} between."),
            otherSite,
            warp.Block.Describe((otherWarp * Warp.Lanes) + SharedRaceShadow.Lane(other), otherSite));
    }
}
