using System;
using System.Collections.Generic;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>cp.async and its groups. A site's operands are the destination's register, and, where there is one, the source size.</summary>
internal static unsafe class AsyncCopyOperations
{
    public static void Copy(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        int bytes = site.Bytes;
        MemoryOperations.ReadAddresses(warp, registers, site);
        uint whole = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            whole |= SourceBytes(site, registers, lane) >= bytes ? 1u << lane : 0;
        }

        if (whole != 0)
        {
            GlobalAccess.Scattered(warp, site, whole, write: false);
        }

        ulong* value = stackalloc ulong[2];
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            value[0] = 0;
            value[1] = 0;
            if (((whole >> lane) & 1) != 0)
            {
                Unsafe.CopyBlockUnaligned(value, (void*)warp.Pointers[lane], (uint)bytes);
            }
            else
            {
                ReadPart(warp, site, lane, SourceBytes(site, registers, lane), (byte*)value);
            }

            ulong target = BitLanes.Read(site.Operands[0].At(registers), site.Operands[0].Size, lane) + (ulong)site.Mode;
            SharedAccess.Resolve(warp, site, lane, target, bytes, write: true);
            new Span<byte>(warp.Block.SharedState + target, bytes).Fill(SharedAccess.OnItsWay);
            warp.Copies.Add(new AsyncCopies.Copy(lane, (int)target, bytes, value[0], value[1], siteIndex));
            warp.Scratch[lane] = target;
        }

        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            warp.Addresses[lane] = warp.Scratch[lane];
        }

        SharedAccess.CountWavefronts(warp, mask, bytes);
    }

    public static void Commit(Warp warp, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            warp.Copies.Commit(BitOperations.TrailingZeroCount(rest));
        }
    }

    /// <summary>Waits until at most <paramref name="pending"/> groups of each lane are under way; −1 waits for copies in no group too.</summary>
    public static void Wait(Warp warp, int pending, uint mask)
    {
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            while (warp.Copies.TakeCompleted(lane, Math.Max(pending, 0)) is { } group)
            {
                Finish(warp, group);
            }

            if (pending < 0)
            {
                Finish(warp, warp.Copies.TakeOpen(lane));
            }
        }
    }

    private static void Finish(Warp warp, List<AsyncCopies.Copy> copies)
    {
        ulong* value = stackalloc ulong[2];
        foreach (AsyncCopies.Copy copy in copies)
        {
            value[0] = copy.Low;
            value[1] = copy.High;
            Unsafe.CopyBlockUnaligned(warp.Block.Shared + copy.Offset, value, (uint)copy.Bytes);
            new Span<byte>(warp.Block.SharedState + copy.Offset, copy.Bytes).Fill(SharedAccess.Written);
            if (warp.Block.Launch.Has(SimulatorChecks.SharedRaces))
            {
                SharedRaces.Check(warp, warp.Sites[copy.Site], copy.Lane, copy.Offset, copy.Bytes, write: true);
            }
        }
    }

    private static int SourceBytes(MemorySite site, byte* registers, int lane) => site.Operands.Length < 2
        ? site.Bytes
        : (int)BitLanes.Read(site.Operands[1].At(registers), site.Operands[1].Size, lane);

    /// <summary>Fewer bytes than the copy writes: the rest are zeros, and what is not read need not exist.</summary>
    private static void ReadPart(Warp warp, MemorySite site, int lane, int bytes, byte* value)
    {
        ulong address = warp.Addresses[lane];
        if (bytes > 0 && address % (ulong)site.Bytes != 0)
        {
            throw warp.Block.Fail(
                FindingKind.Misaligned,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"the address 0x{address:x} of a {site.Bytes}-byte copy is no multiple of {site.Bytes}."));
        }

        for (int i = 0; i < bytes; i++)
        {
            value[i] = *GlobalAccess.Resolve(warp, site, lane, address + (ulong)i, 1, write: false);
        }

        warp.Block.Counters.GlobalLoadBytes += bytes;
    }
}
