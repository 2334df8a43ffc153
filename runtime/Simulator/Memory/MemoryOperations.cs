using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>ld and st in every space. The translated code calls these with the number of the site.</summary>
internal static unsafe class MemoryOperations
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Load(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        bool contiguous = ReadAddresses(warp, registers, site) && mask == uint.MaxValue && site.Space is PtxStateSpace.Global or PtxStateSpace.Const;
        if (contiguous && GlobalAccess.Contiguous(warp, site, write: false) is var source && source != null)
        {
            Row row = site.Data[0];
            if (site.Count == 1 && row.Size == site.ElementSize)
            {
                Unsafe.CopyBlockUnaligned(row.At(registers), source, (uint)(site.ElementSize * Warp.Lanes));
                return;
            }

            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                warp.Pointers[lane] = (nint)(source + (lane * site.Bytes));
            }
        }
        else
        {
            Resolve(warp, site, mask, write: false);
        }

        for (int i = 0; i < site.Count; i++)
        {
            if (!site.Data[i].IsSink)
            {
                Gather(warp, site, site.Data[i], registers, i * site.ElementSize, mask);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        bool contiguous = ReadAddresses(warp, registers, site) && mask == uint.MaxValue && site.Space == PtxStateSpace.Global;
        if (contiguous && GlobalAccess.Contiguous(warp, site, write: true) is var target && target != null)
        {
            Row row = site.Data[0];
            if (site.Count == 1 && row.Size == site.ElementSize)
            {
                Unsafe.CopyBlockUnaligned(target, row.At(registers), (uint)(site.ElementSize * Warp.Lanes));
                return;
            }

            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                warp.Pointers[lane] = (nint)(target + (lane * site.Bytes));
            }
        }
        else
        {
            Resolve(warp, site, mask, write: true);
            if (warp.Block.Launch.Has(SimulatorChecks.WarpRaces))
            {
                WarpStores.Check(warp, registers, site, mask);
            }
        }

        if (site.IsSynchronizing)
        {
            Synchronization.Announce(warp, site, mask);
        }

        for (int i = 0; i < site.Count; i++)
        {
            Scatter(warp, site.Data[i], registers, i * site.ElementSize, site.ElementSize, mask);
        }

        if (site.IsSynchronizing)
        {
            Synchronization.Touch(warp, site, mask);
        }
    }

    /// <summary>ld.param of a kernel at a fixed place: one value for all lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadParameter(Warp warp, byte* d, int dSize, int offset, int size, int signed, uint mask)
    {
        ulong value = Extend(warp.Block.Launch.Parameters + offset, size, signed != 0);
        if (mask == uint.MaxValue && dSize == 8)
        {
            new Span<ulong>(d, Warp.Lanes).Fill(value);
        }
        else if (mask == uint.MaxValue && dSize == 4)
        {
            new Span<uint>(d, Warp.Lanes).Fill((uint)value);
        }
        else
        {
            for (uint rest = mask; rest != 0; rest &= rest - 1)
            {
                BitLanes.Write(d, dSize, BitOperations.TrailingZeroCount(rest), value);
            }
        }
    }

    /// <summary>Computes the lanes' addresses. Returns whether they are those of 32 consecutive pieces.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool ReadAddresses(Warp warp, byte* registers, MemorySite site)
    {
        byte* row = site.Address.At(registers);
        Vector512<ulong> add = Vector512.Create(site.Offset);
        ulong first = (site.Address.Size == 8 ? *(ulong*)row : *(uint*)row) + site.Offset;
        Vector512<ulong> step = Vector512.Create(0ul, 1, 2, 3, 4, 5, 6, 7) * (ulong)site.Bytes;
        Vector512<ulong> difference = Vector512<ulong>.Zero;
        for (int i = 0; i < 4; i++)
        {
            Vector512<ulong> addresses = site.Address.Size == 8
                ? Vector512.Load((ulong*)row + (8 * i))
                : Vector512.WidenLower(Vector256.Load((uint*)row + (8 * i)).ToVector512());
            addresses += add;
            addresses.Store(warp.Addresses + (8 * i));
            difference |= addresses ^ (Vector512.Create(first + (ulong)(8 * i * site.Bytes)) + step);
        }

        return difference == Vector512<ulong>.Zero;
    }

    /// <summary>Turns the lanes' addresses into pointers, in whichever space each of them is.</summary>
    internal static void Resolve(Warp warp, MemorySite site, uint mask, bool write)
    {
        switch (site.Space)
        {
            case PtxStateSpace.Shared:
                SharedAccess.Scattered(warp, site, mask, write);
                return;
            case PtxStateSpace.Local:
                LocalAccess.Scattered(warp, site, mask, write);
                return;
            case PtxStateSpace.Param:
                Parameters(warp, site, mask, write);
                return;
            case PtxStateSpace.Generic:
                Generic(warp, site, mask, write);
                return;
            default:
                GlobalAccess.Scattered(warp, site, mask, write);
                return;
        }
    }

    private static void Generic(Warp warp, MemorySite site, uint mask, bool write)
    {
        uint shared = 0;
        uint local = 0;
        uint parameters = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = warp.Addresses[lane];
            if (AddressSpaces.IsShared(address))
            {
                shared |= 1u << lane;
                warp.Addresses[lane] = address - AddressSpaces.SharedWindow;
            }
            else if (AddressSpaces.IsLocal(address))
            {
                local |= 1u << lane;
                warp.Addresses[lane] = address - AddressSpaces.LocalWindow;
            }
            else if (AddressSpaces.IsParameter(address))
            {
                parameters |= 1u << lane;
            }
        }

        uint global = mask & ~(shared | local | parameters);
        if (shared != 0)
        {
            SharedAccess.Scattered(warp, site, shared, write);
        }

        if (local != 0)
        {
            LocalAccess.Scattered(warp, site, local, write);
        }

        if (parameters != 0)
        {
            Parameters(warp, site, parameters, write);
        }

        if (global != 0)
        {
            GlobalAccess.Scattered(warp, site, global, write);
        }
    }

    /// <summary>The kernel's parameters by address: read only, and within the argument buffer. Parameters of calls are local memory.</summary>
    private static void Parameters(Warp warp, MemorySite site, uint mask, bool write)
    {
        int size = warp.Kernel.ParameterBytes;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong offset = warp.Addresses[lane] - AddressSpaces.ParameterWindow;
            if (write || offset > (ulong)size || offset + (ulong)site.Bytes > (ulong)size || offset % (ulong)site.Bytes != 0)
            {
                throw warp.Block.Fail(
                    write ? FindingKind.ReadOnlyWrite : FindingKind.OutOfBounds,
                    warp.ThreadOf(lane),
                    site,
                    $"a {site.Bytes}-byte access at byte {(long)offset} of the kernel's {size} bytes of parameters.");
            }

            warp.Pointers[lane] = (nint)(warp.Block.Launch.Parameters + offset);
        }
    }

    private static void Gather(Warp warp, MemorySite site, Row row, byte* registers, int offset, uint mask)
    {
        byte* d = row.At(registers);
        if (row.Size == 4 && site.ElementSize == 4 && mask == uint.MaxValue)
        {
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                ((uint*)d)[lane] = *(uint*)(warp.Pointers[lane] + offset);
            }

            return;
        }

        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            BitLanes.Write(d, row.Size, lane, Extend((byte*)warp.Pointers[lane] + offset, site.ElementSize, site.Signed));
        }
    }

    private static void Scatter(Warp warp, Row row, byte* registers, int offset, int size, uint mask)
    {
        byte* source = row.At(registers);
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong value = BitLanes.Read(source, row.Size, lane);
            byte* target = (byte*)warp.Pointers[lane] + offset;
            switch (size)
            {
                case 1:
                    *target = (byte)value;
                    break;
                case 2:
                    *(ushort*)target = (ushort)value;
                    break;
                case 4:
                    *(uint*)target = (uint)value;
                    break;
                default:
                    *(ulong*)target = value;
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Extend(byte* source, int size, bool signed) => size switch
    {
        1 => signed ? (ulong)*(sbyte*)source : *source,
        2 => signed ? (ulong)*(short*)source : *(ushort*)source,
        4 => signed ? (ulong)*(int*)source : *(uint*)source,
        _ => *(ulong*)source,
    };
}
