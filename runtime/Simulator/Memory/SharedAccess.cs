using System;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Accesses to a block's shared memory: bounds, bytes nobody wrote, races between barriers, bank conflicts.</summary>
internal static unsafe class SharedAccess
{
    internal const byte Unwritten = 0, Written = 1, OnItsWay = 2;
    private const int Banks = 32;
    private const int BankBytes = 4;

    /// <summary>Fills the warp's pointers for the lanes of <paramref name="mask"/>; addresses are offsets into shared memory.</summary>
    internal static void Scattered(Warp warp, MemorySite site, uint mask, bool write)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if (((mask >> lane) & 1) != 0)
            {
                warp.Pointers[lane] = (nint)Resolve(warp, site, lane, warp.Addresses[lane], site.Bytes, write);
            }
        }

        CountWavefronts(warp, mask, site.Bytes);
    }

    /// <summary>One lane's access after every check but the count of wavefronts.</summary>
    internal static byte* Resolve(Warp warp, MemorySite site, int lane, ulong address, int bytes, bool write)
    {
        int size = warp.Block.Launch.SharedBytes;
        if (address % (ulong)bytes != 0)
        {
            throw warp.Block.Fail(
                FindingKind.Misaligned,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"the shared address 0x{address:x} of a {bytes}-byte access is no multiple of {bytes}."));
        }

        if (address > (ulong)size || address + (ulong)bytes > (ulong)size)
        {
            throw warp.Block.Fail(
                FindingKind.OutOfBounds,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"a {bytes}-byte access at byte {(long)address} of shared memory, of which the block has {size} bytes."));
        }

        int offset = (int)address;
        var state = new Span<byte>(warp.Block.SharedState + offset, bytes);
        if (write)
        {
            state.Fill(Written);
        }
        else if (warp.Block.Launch.Has(SimulatorChecks.Uninitialized) && state.IndexOfAnyExcept(Written) >= 0)
        {
            ReportUnwritten(warp, site, lane, offset, state.Contains(OnItsWay));
        }

        if (warp.Block.Launch.Has(SimulatorChecks.SharedRaces))
        {
            CheckRace(warp, site, lane, offset, bytes, write);
        }

        return warp.Block.Shared + offset;
    }

    private static void ReportUnwritten(Warp warp, MemorySite site, int lane, int offset, bool onItsWay) => warp.Block.Report(
        onItsWay ? FindingKind.AsyncCopyNotWaitedFor : FindingKind.Uninitialized,
        warp.ThreadOf(lane),
        site,
        onItsWay
            ? string.Create(CultureInfo.InvariantCulture, $"shared memory is read at byte {offset} while a cp.async into it was not waited for.")
            : string.Create(CultureInfo.InvariantCulture, $"shared memory is read at byte {offset}, which nothing has written."));

    /// <summary>
    /// Passes over the banks: 8-byte accesses go by half warps, 16-byte ones by quarters; in a pass each bank serves one word, to any
    /// number of lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void CountWavefronts(Warp warp, uint mask, int bytes)
    {
        int lanesAPass = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
        int wavefronts = 0;
        int ideal = 0;
        int* used = stackalloc int[Banks];
        int* words = stackalloc int[Banks * Banks];
        for (int start = 0; start < Warp.Lanes; start += lanesAPass)
        {
            uint part = mask & (lanesAPass == 32 ? uint.MaxValue : ((1u << lanesAPass) - 1) << start);
            if (part == 0)
            {
                continue;
            }

            new Span<int>(used, Banks).Clear();
            int most = 1;
            for (uint rest = part; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                int firstWord = (int)(warp.Addresses[lane] / BankBytes);
                for (int word = firstWord; word < firstWord + Math.Max(1, bytes / BankBytes); word++)
                {
                    most = Math.Max(most, Use(used, words, word));
                }
            }

            wavefronts += most;
            ideal++;
        }

        warp.Block.Counters.SharedRequests++;
        warp.Block.Counters.SharedWavefronts += wavefronts;
        warp.Block.Counters.SharedIdealWavefronts += ideal;
    }

    /// <summary>Adds a word to its bank unless it is there; returns how many different words the bank has to serve.</summary>
    private static int Use(int* used, int* words, int word)
    {
        int bank = word & (Banks - 1);
        int* own = words + (bank * Banks);
        for (int i = 0; i < used[bank]; i++)
        {
            if (own[i] == word)
            {
                return used[bank];
            }
        }

        own[used[bank]++] = word;
        return used[bank];
    }

    /// <summary>Compares an access with the block's earlier ones to the same bytes, and leaves its own trace.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void CheckRace(Warp warp, MemorySite site, int lane, int offset, int bytes, bool write)
    {
        SharedRaceShadow races = warp.Block.Races;
        uint time = warp.Block.Time;
        ulong mine = SharedRaceShadow.Entry(time, warp.Index, lane, site.Index, site.IsAtomic || site.IsSynchronizing);
        for (int at = offset; at < offset + bytes; at = (at | 3) + 1)
        {
            int inWord = Math.Min(4 - (at & 3), offset + bytes - at);
            ulong entry = mine | ((ulong)(((1 << inWord) - 1) << (at & 3)) << 60);
            int word = at >> 2;
            ulong writer = races.Writers[word];
            if (writer != 0 && ((writer ^ entry) & SharedRaceShadow.LaneAndWarpBits) != 0)
            {
                Compare(warp, site, lane, at, writer, entry, 0, "written", sameSiteIsOne: write);
            }

            ulong reader = races.Readers[word];
            if (write)
            {
                if (reader != 0)
                {
                    Compare(warp, site, lane, at, reader, entry, races.ReaderWarps[word], "read", sameSiteIsOne: false);
                }

                bool same = ((writer ^ entry) & (SharedRaceShadow.LaneAndWarpBits | SharedRaceShadow.TimeBits)) == 0;
                races.Writers[word] = same ? entry | (writer & SharedRaceShadow.ByteBits) : entry;
            }
            else
            {
                AddReader(races, word, reader, entry, warp);
            }
        }
    }

    private static void AddReader(SharedRaceShadow races, int word, ulong reader, ulong entry, Warp warp)
    {
        uint ownBit = 1u << warp.Index;
        bool current = reader != 0 && SharedRaceShadow.Time(reader) == SharedRaceShadow.Time(entry);
        if (!current)
        {
            // Readers that this warp has seen in order need no longer be remembered: what comes after this read comes after theirs.
            uint others = 0;
            for (uint rest = races.ReaderWarps[word] & ~ownBit; rest != 0; rest &= rest - 1)
            {
                int other = BitOperations.TrailingZeroCount(rest);
                others |= SharedRaceShadow.Time(reader) > warp.Clock[other] ? 1u << other : 0;
            }

            races.Readers[word] = entry;
            races.ReaderWarps[word] = ownBit | others;
            return;
        }

        bool otherLane = SharedRaceShadow.Warp(reader) == warp.Index && SharedRaceShadow.Lane(reader) != SharedRaceShadow.Lane(entry);
        races.Readers[word] = reader | (entry & SharedRaceShadow.ByteBits) | (otherLane ? SharedRaceShadow.SeveralLanes : 0);
        races.ReaderWarps[word] |= ownBit;
    }

    private static void Compare(
        Warp warp, MemorySite site, int lane, int offset, ulong other, ulong mine, uint readers, string deed, bool sameSiteIsOne)
    {
        if ((other & mine & SharedRaceShadow.ByteBits) == 0 || (other & mine & SharedRaceShadow.AtomicBit) != 0)
        {
            return;
        }

        uint time = SharedRaceShadow.Time(other);
        int otherWarp = SharedRaceShadow.Warp(other);
        int otherLane = SharedRaceShadow.Lane(other);
        uint unordered = 0;
        for (uint rest = (readers | (1u << otherWarp)) & ~(1u << warp.Index); rest != 0; rest &= rest - 1)
        {
            int candidate = BitOperations.TrailingZeroCount(rest);
            unordered |= time > warp.Clock[candidate] ? 1u << candidate : 0;
        }

        FindingKind kind = FindingKind.SharedRace;
        if (unordered == 0)
        {
            bool severalLanes = (other & SharedRaceShadow.SeveralLanes) != 0;
            bool sameWarp = otherWarp == warp.Index && (otherLane != lane || severalLanes) && time > warp.Clock[warp.Index];
            bool oneInstruction = sameSiteIsOne && SharedRaceShadow.Site(other) == site.Index;
            if (!sameWarp || oneInstruction || !warp.Block.Launch.Has(SimulatorChecks.WarpRaces))
            {
                return;
            }

            kind = FindingKind.WarpRace;
        }
        else if ((unordered & (1u << otherWarp)) == 0)
        {
            otherWarp = BitOperations.TrailingZeroCount(unordered);
        }

        int otherSite = SharedRaceShadow.Site(other);
        string remedy = kind == FindingKind.WarpRace ? "no __syncwarp" : "no barrier";
        warp.Block.Report(
            kind,
            warp.ThreadOf(lane),
            site,
            string.Create(CultureInfo.InvariantCulture, $"byte {offset} of shared memory was {deed} by another thread with {remedy} between."),
            otherSite,
            warp.Block.Describe((otherWarp * Warp.Lanes) + otherLane, otherSite));
    }
}
