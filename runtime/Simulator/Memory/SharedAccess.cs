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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scattered(Warp warp, MemorySite site, uint mask, bool write)
    {
        int bytes = site.Bytes;
        ulong last = (ulong)warp.Block.Launch.SharedBytes - (ulong)bytes;
        bool uninitialized = !write && warp.Block.Launch.Has(SimulatorChecks.Uninitialized);
        bool races = warp.Block.Launch.Has(SimulatorChecks.SharedRaces);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = warp.Addresses[lane];
            bool plain = bytes >= 4 && warp.Block.Launch.SharedBytes >= bytes && address <= last && (address & (ulong)(bytes - 1)) == 0;
            if (!plain || (uninitialized && !IsWritten(warp.Block.SharedState + address, bytes)))
            {
                warp.Pointers[lane] = (nint)Resolve(warp, site, lane, address, bytes, write);
                continue;
            }

            warp.Pointers[lane] = (nint)(warp.Block.Shared + address);
            if (write)
            {
                MarkWritten(warp.Block.SharedState + address, bytes);
            }

            if (races)
            {
                SharedRaces.Check(warp, site, lane, (int)address, bytes, write);
            }
        }

        CountWavefronts(warp, mask, bytes);
    }

    private static bool IsWritten(byte* state, int bytes) => bytes switch
    {
        4 => *(uint*)state == 0x0101_0101,
        8 => *(ulong*)state == 0x0101_0101_0101_0101,
        _ => *(ulong*)state == 0x0101_0101_0101_0101 && *(ulong*)(state + 8) == 0x0101_0101_0101_0101,
    };

    private static void MarkWritten(byte* state, int bytes)
    {
        for (int i = 0; i < bytes; i += 4)
        {
            *(uint*)(state + i) = 0x0101_0101;
        }
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
            SharedRaces.Check(warp, site, lane, offset, bytes, write);
        }

        return warp.Block.Shared + offset;
    }

    internal static void ReportUnwritten(Warp warp, MemorySite site, int lane, int offset, bool onItsWay) => warp.Block.Report(
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

            ideal++;
            if (FitsOneLine(warp, part, bytes))
            {
                wavefronts++;
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
        }

        warp.Block.Counters.SharedRequests++;
        warp.Block.Counters.SharedWavefronts += wavefronts;
        warp.Block.Counters.SharedIdealWavefronts += ideal;
    }

    /// <summary>Whether all words lie within 128 bytes: then no two different ones share a bank.</summary>
    private static bool FitsOneLine(Warp warp, uint lanes, int bytes)
    {
        ulong low = ulong.MaxValue;
        ulong high = 0;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            ulong address = warp.Addresses[BitOperations.TrailingZeroCount(rest)];
            low = Math.Min(low, address);
            high = Math.Max(high, address);
        }

        return high - low + (ulong)bytes <= Banks * BankBytes;
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
}
