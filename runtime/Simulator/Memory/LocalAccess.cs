using System;
using System.Globalization;
using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>Accesses to the threads' own memory: stack arrays, spilled values, parameters of calls.</summary>
internal static unsafe class LocalAccess
{
    /// <summary>Fills the warp's pointers for the lanes of <paramref name="mask"/>; addresses are offsets into a thread's local memory.</summary>
    internal static void Scattered(Warp warp, MemorySite site, uint mask, bool write)
    {
        int size = warp.Kernel.LocalBytes;
        int bytes = site.Bytes;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = warp.Addresses[lane];
            if (address % (ulong)bytes != 0)
            {
                throw warp.Block.Fail(
                    FindingKind.Misaligned,
                    warp.ThreadOf(lane),
                    site,
                    string.Create(CultureInfo.InvariantCulture, $"the local address 0x{address:x} of a {bytes}-byte access is no multiple of {bytes}."));
            }

            if (address > (ulong)size || address + (ulong)bytes > (ulong)size)
            {
                throw warp.Block.Fail(
                    FindingKind.OutOfBounds,
                    warp.ThreadOf(lane),
                    site,
                    string.Create(CultureInfo.InvariantCulture, $"a {bytes}-byte access at byte {(long)address} of local memory, of which a thread has {size} bytes."));
            }

            int offset = (lane * size) + (int)address;
            var written = new Span<byte>(warp.LocalWritten + offset, bytes);
            if (write)
            {
                written.Fill(1);
            }
            else if (warp.Block.Launch.Has(SimulatorChecks.Uninitialized) && written.IndexOfAnyExcept((byte)1) >= 0)
            {
                warp.Block.Report(
                    FindingKind.Uninitialized,
                    warp.ThreadOf(lane),
                    site,
                    string.Create(CultureInfo.InvariantCulture, $"local memory is read at byte {address}, which the thread has not written."));
            }

            warp.Pointers[lane] = (nint)(warp.Local + offset);
        }

        if (site.Detail != MemorySite.CallParameter)
        {
            warp.Block.Counters.LocalBytes += (long)bytes * BitOperations.PopCount(mask);
        }
    }
}
