using System;
using System.Globalization;
using System.Numerics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// cp.async.bulk from global to shared memory, completed on an mbarrier: each lane copies for itself. The write is the asynchronous proxy's.
/// A site's operands are the destination, the size and the mbarrier; its mode and detail what is added to the first and last address.
/// </summary>
internal static unsafe class BulkCopyOperations
{
    private const int PieceBytes = 16;
    private const int SectorBytes = 32;

    public static void Copy(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        MemoryOperations.ReadAddresses(warp, registers, site);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            CopyOf(warp, registers, site, lane);
        }
    }

    /// <summary>Brings what a barrier's copies hold back, one by one, until its phase is complete or none is left.</summary>
    internal static void Deliver(ThreadBlock block, MemoryBarrier barrier)
    {
        int phase = barrier.Phase;
        while (barrier.Phase == phase && barrier.Copies.TryDequeue(out BulkCopy? copy))
        {
            copy.Bytes.CopyTo(new Span<byte>(block.Shared + copy.Offset, copy.Bytes.Length));
            new Span<byte>(block.SharedState + copy.Offset, copy.Bytes.Length).Fill(SharedAccess.Written);
            barrier.Arriving[copy.Warp] = Math.Max(barrier.Arriving[copy.Warp], copy.Time);
            barrier.PendingBytes -= copy.Bytes.Length;
            barrier.CompleteIfDue();
        }
    }

    private static void CopyOf(Warp warp, byte* registers, MemorySite site, int lane)
    {
        int target = (int)(Read(site, registers, 0, lane) + (ulong)site.Mode);
        int size = (int)Read(site, registers, 1, lane);
        if (size <= 0 || size % PieceBytes != 0)
        {
            throw warp.Block.Fail(
                FindingKind.Misaligned,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"a bulk copy of {size} bytes: the size must be a multiple of 16."));
        }

        MemoryBarrier barrier = MemoryBarrierOperations.Find(warp, site, lane, (int)Read(site, registers, 2, lane) + site.Detail);
        ulong source = warp.Addresses[lane];
        byte[] bytes = new byte[size];
        for (int at = 0; at < size; at += PieceBytes)
        {
            byte* piece = GlobalAccess.Resolve(warp, site, lane, source + (ulong)at, PieceBytes, write: false);
            new ReadOnlySpan<byte>(piece, PieceBytes).CopyTo(bytes.AsSpan(at));
            SharedAccess.Resolve(warp, site, lane, (ulong)(target + at), PieceBytes, write: true);
        }

        new Span<byte>(warp.Block.SharedState + target, size).Fill(SharedAccess.OnItsWay);
        barrier.Copies.Enqueue(new BulkCopy(target, bytes, warp.Index, warp.Block.Time));

        // Whoever waits for the copy comes after it, and after nothing that the warp does from here on.
        warp.Block.Time++;
        warp.Block.Counters.GlobalLoadRequests++;
        warp.Block.Counters.GlobalLoadBytes += size;
        warp.Block.Counters.GlobalLoadSectors += (long)(((source + (ulong)size - 1) / SectorBytes) - (source / SectorBytes) + 1);
    }

    private static ulong Read(MemorySite site, byte* registers, int operand, int lane) =>
        BitLanes.Read(site.Operands[operand].At(registers), site.Operands[operand].Size, lane);
}
