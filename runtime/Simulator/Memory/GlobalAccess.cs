using System;
using System.Globalization;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Accesses to global memory: where they go on the host, what is wrong with them, and the sectors that they move.</summary>
internal static unsafe class GlobalAccess
{
    private const int SectorBytes = 32;

    /// <summary>Lanes 0 to 31 access consecutive pieces: checked as one range. Returns its place on the host.</summary>
    internal static byte* Contiguous(Warp warp, MemorySite site, bool write)
    {
        int bytes = site.Bytes;
        ulong first = warp.Addresses[0];
        if (first % (ulong)bytes != 0)
        {
            return null;
        }

        DeviceAllocation? allocation = warp.LastAllocation;
        if (allocation is null || allocation.IsFreed || !allocation.Contains(first, bytes * Warp.Lanes))
        {
            allocation = warp.Block.Launch.Memory.FindBelow(first);
            if (allocation is null || allocation.IsFreed || !allocation.Contains(first, bytes * Warp.Lanes))
            {
                return null;
            }

            warp.LastAllocation = allocation;
        }

        if (write && allocation.IsReadOnly)
        {
            return null;
        }

        long offset = (long)(first - allocation.Address);
        var written = new Span<byte>(allocation.Written + offset, bytes * Warp.Lanes);
        if (write)
        {
            written.Fill(1);
        }
        else if (warp.Block.Launch.Has(SimulatorChecks.Uninitialized) && written.IndexOfAnyExcept((byte)1) is >= 0 and int at)
        {
            ReportUnwritten(warp, site, at / bytes, allocation, offset + at);
        }

        Count(warp, write, (long)bytes * Warp.Lanes, (long)((first + (ulong)(bytes * Warp.Lanes) - 1) / SectorBytes - (first / SectorBytes) + 1));
        if (ChecksRaces(warp))
        {
            GlobalRaces.CheckRange(warp, site, allocation, offset, write);
        }

        return allocation.Data + offset;
    }

    /// <summary>Any pattern: fills the warp's pointers for the lanes of <paramref name="mask"/>.</summary>
    internal static void Scattered(Warp warp, MemorySite site, uint mask, bool write)
    {
        int bytes = site.Bytes;
        int sectors = 0;
        ulong last = ulong.MaxValue;
        bool sorted = true;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if (((mask >> lane) & 1) == 0)
            {
                continue;
            }

            ulong address = warp.Addresses[lane];
            warp.Pointers[lane] = (nint)Resolve(warp, site, lane, address, bytes, write);
            ulong sector = address / SectorBytes;
            if (sector != last)
            {
                sorted &= sectors == 0 || sector > last;
                warp.Sectors[sectors++] = sector;
                last = sector;
            }
        }

        if (!sorted)
        {
            sectors = CountDistinct(warp.Sectors, sectors);
        }

        Count(warp, write, (long)bytes * System.Numerics.BitOperations.PopCount(mask), sectors);
    }

    /// <summary>One lane's access: its place on the host, after every check.</summary>
    internal static byte* Resolve(Warp warp, MemorySite site, int lane, ulong address, int bytes, bool write)
    {
        if (address % (ulong)bytes != 0)
        {
            throw warp.Block.Fail(
                FindingKind.Misaligned,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"the address 0x{address:x} of a {bytes}-byte access is no multiple of {bytes}."));
        }

        DeviceAllocation? allocation = warp.LastAllocation;
        if (allocation is null || allocation.IsFreed || !allocation.Contains(address, bytes))
        {
            allocation = Find(warp, site, lane, address, bytes);
            warp.LastAllocation = allocation;
        }

        if (write && allocation.IsReadOnly)
        {
            throw warp.Block.Fail(FindingKind.ReadOnlyWrite, warp.ThreadOf(lane), site, $"{allocation.Name} is constant memory and cannot be written.");
        }

        long offset = (long)(address - allocation.Address);
        if (!write && warp.Block.Launch.Has(SimulatorChecks.Uninitialized) && new ReadOnlySpan<byte>(allocation.Written + offset, bytes).IndexOfAnyExcept((byte)1) >= 0)
        {
            ReportUnwritten(warp, site, lane, allocation, offset);
        }

        if (write)
        {
            new Span<byte>(allocation.Written + offset, bytes).Fill(1);
        }

        if (ChecksRaces(warp))
        {
            GlobalRaces.Check(warp, site, lane, allocation, offset, bytes, write);
        }

        return allocation.Data + offset;
    }

    private static bool ChecksRaces(Warp warp) => warp.Block.Launch.Has(SimulatorChecks.GlobalRaces) && warp.Block.Launch.Grid.Count > 1;

    private static DeviceAllocation Find(Warp warp, MemorySite site, int lane, ulong address, int bytes)
    {
        DeviceAllocation? below = warp.Block.Launch.Memory.FindBelow(address);
        if (below is { IsFreed: false } && below.Contains(address, bytes))
        {
            return below;
        }

        int thread = warp.ThreadOf(lane);
        bool inside = below is not null && below.Contains(address, 1);
        if (inside && below!.IsFreed)
        {
            throw warp.Block.Fail(
                FindingKind.UseAfterFree,
                thread,
                site,
                string.Create(CultureInfo.InvariantCulture, $"0x{address:x} is in {below.Name}, which was freed."));
        }

        string where = below is null
            ? "below every allocation"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{address + (ulong)bytes - below.Address - (ulong)below.Size} bytes past the end of {below.Name} of {below.Size} bytes");
        throw warp.Block.Fail(
            FindingKind.OutOfBounds,
            thread,
            site,
            string.Create(CultureInfo.InvariantCulture, $"a {bytes}-byte access at 0x{address:x} reaches {where}."));
    }

    private static void ReportUnwritten(Warp warp, MemorySite site, int lane, DeviceAllocation allocation, long offset) => warp.Block.Report(
        FindingKind.Uninitialized,
        warp.ThreadOf(lane),
        site,
        string.Create(CultureInfo.InvariantCulture, $"global memory is read at byte {offset} of {allocation.Name}, which nothing has written."));

    private static void Count(Warp warp, bool write, long bytes, long sectors)
    {
        if (write)
        {
            warp.Block.Counters.GlobalStoreRequests++;
            warp.Block.Counters.GlobalStoreBytes += bytes;
            warp.Block.Counters.GlobalStoreSectors += sectors;
        }
        else
        {
            warp.Block.Counters.GlobalLoadRequests++;
            warp.Block.Counters.GlobalLoadBytes += bytes;
            warp.Block.Counters.GlobalLoadSectors += sectors;
        }
    }

    private static int CountDistinct(ulong* sectors, int count)
    {
        new Span<ulong>(sectors, count).Sort();
        int distinct = 1;
        for (int i = 1; i < count; i++)
        {
            distinct += sectors[i] != sectors[i - 1] ? 1 : 0;
        }

        return distinct;
    }
}
