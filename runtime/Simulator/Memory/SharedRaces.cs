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
    private const int WordBytes = 4;

    /// <summary>One lane's access, aligned to its size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Check(Warp warp, MemorySite site, int lane, int offset, int bytes, bool write)
    {
        ThreadBlock block = warp.Block;
        if (write && block.Products is not null)
        {
            block.Products.Reads.CheckWrite(warp, site, lane, offset);
        }

        ulong mine = SharedRaceShadow.Entry(block.Time, warp.Index, lane, site.Index, site.IsAtomic || site.IsSynchronizing)
            | (site.IsAsyncProxy ? SharedRaceShadow.AsyncProxyBit : 0);
        if (bytes < WordBytes)
        {
            for (int at = offset; at < offset + bytes; at++)
            {
                CheckPiece(warp, site, lane, block.ByteRaces, at, mine, write);
            }

            Compare(warp, site, lane, block.Races, offset / WordBytes, mine, write);
            return;
        }

        for (int at = offset; at < offset + bytes; at += WordBytes)
        {
            CheckPiece(warp, site, lane, block.Races, at / WordBytes, mine, write);
            for (int i = 0; block.HasByteRaces && i < WordBytes; i++)
            {
                Compare(warp, site, lane, block.ByteRaces, at + i, mine, write);
            }
        }
    }

    /// <summary>Compares with what was done to the piece, and leaves the access's own trace.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CheckPiece(Warp warp, MemorySite site, int lane, SharedRaceShadow races, int piece, ulong entry, bool write)
    {
        ulong writer = races.Writers[piece];
        if (writer != 0)
        {
            CompareWriter(warp, site, lane, races, piece, entry, write);
        }

        uint readers = races.ReaderWarps[piece];
        if (!write)
        {
            ulong reader = races.Readers[piece];
            bool same = ((reader ^ entry) & (SharedRaceShadow.TimeBits | (0x1Ful << 33))) == 0 && reader != 0;
            ulong several = same && ((reader ^ entry) & SharedRaceShadow.LaneAndWarpBits) != 0 ? SharedRaceShadow.SeveralLanes : 0;
            races.Readers[piece] = entry | several | (same ? reader & SharedRaceShadow.SeveralLanes : 0);
            races.ReaderWarps[piece] = readers | (1u << warp.Index);
            races.ReaderTimes[(piece * warp.Block.Warps.Length) + warp.Index] = SharedRaceShadow.Time(entry);
            return;
        }

        if (readers != 0)
        {
            CompareReaders(warp, site, lane, races, piece, entry);
            races.ReaderWarps[piece] = 0;
            races.Readers[piece] = 0;
        }

        races.Writers[piece] = entry;
    }

    /// <summary>Compares with the traces of accesses of the other size, and leaves none.</summary>
    private static void Compare(Warp warp, MemorySite site, int lane, SharedRaceShadow races, int piece, ulong entry, bool write)
    {
        if (races.Writers[piece] != 0)
        {
            CompareWriter(warp, site, lane, races, piece, entry, write);
        }

        if (write && races.ReaderWarps[piece] != 0)
        {
            CompareReaders(warp, site, lane, races, piece, entry);
        }
    }

    private static void CompareWriter(Warp warp, MemorySite site, int lane, SharedRaceShadow races, int piece, ulong entry, bool write)
    {
        ulong writer = races.Writers[piece];
        int other = SharedRaceShadow.Warp(writer);
        if (((writer ^ entry) & SharedRaceShadow.LaneAndWarpBits) == 0 || SharedRaceShadow.Time(writer) <= warp.Clock[other]
            || (writer & entry & SharedRaceShadow.AtomicBit) != 0)
        {
            return;
        }

        // Lanes of one store that meet: no barrier could order them; WarpStores compares what they write.
        bool oneStore = write && other == warp.Index && SharedRaceShadow.Site(writer) == site.Index;
        if (!oneStore && (other != warp.Index || warp.Block.Launch.Has(SimulatorChecks.WarpRaces)))
        {
            Report(warp, site, lane, piece * races.PieceBytes, writer, other, "written");
        }
    }

    private static void CompareReaders(Warp warp, MemorySite site, int lane, SharedRaceShadow races, int piece, ulong entry)
    {
        ulong reader = races.Readers[piece];
        if ((reader & entry & SharedRaceShadow.AtomicBit) != 0)
        {
            return;
        }

        uint* times = races.ReaderTimes + (piece * warp.Block.Warps.Length);
        for (uint rest = races.ReaderWarps[piece] & ~(1u << warp.Index); rest != 0; rest &= rest - 1)
        {
            int other = BitOperations.TrailingZeroCount(rest);
            if (times[other] > warp.Clock[other])
            {
                Report(warp, site, lane, piece * races.PieceBytes, reader, other, "read");
                return;
            }
        }

        bool otherLane = SharedRaceShadow.Lane(reader) != lane || (reader & SharedRaceShadow.SeveralLanes) != 0;
        if (SharedRaceShadow.Warp(reader) == warp.Index && otherLane && SharedRaceShadow.Time(reader) > warp.Clock[warp.Index]
            && warp.Block.Launch.Has(SimulatorChecks.WarpRaces))
        {
            Report(warp, site, lane, piece * races.PieceBytes, reader, warp.Index, "read");
        }
    }

    internal static void Report(Warp warp, MemorySite site, int lane, int at, ulong other, int otherWarp, string deed)
    {
        int otherSite = SharedRaceShadow.Site(other);
        bool within = otherWarp == warp.Index;
        warp.Block.Report(
            within ? FindingKind.WarpRace : FindingKind.SharedRace,
            warp.ThreadOf(lane),
            site,
            string.Create(
                CultureInfo.InvariantCulture,
                $"byte {at} of shared memory was {deed} by another thread with no {(within ? "__syncwarp" : "barrier")} between."),
            otherSite,
            warp.Block.Describe((otherWarp * Warp.Lanes) + SharedRaceShadow.Lane(other), otherSite));
    }
}
