using System.Numerics;
using System.Threading;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>atom and red. Lanes go one after the other; a word of global memory is changed under a compare-and-swap of the host.</summary>
internal static unsafe class AtomicOperations
{
    public static void Run(Warp warp, byte* registers, int siteIndex, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        MemorySite site = warp.Sites[siteIndex];
        MemoryOperations.ReadAddresses(warp, registers, site);
        MarkWritten(warp, site, mask);
        MemoryOperations.Resolve(warp, site, mask, write: true);
        warp.Block.Counters.AtomicRequests++;
        Synchronization.Announce(warp, site, mask);
        var apply = (delegate*<ulong, ulong, ulong, int, ulong>)site.Function;
        Row d = site.Data[0];
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong b = BitLanes.Read(site.Operands[0].At(registers), site.Operands[0].Size, lane);
            ulong c = BitLanes.Read(site.Operands[1].At(registers), site.Operands[1].Size, lane);
            byte* place = (byte*)warp.Pointers[lane];
            ulong old;
            do
            {
                old = MemoryOperations.Extend(place, site.ElementSize, signed: false);
            }
            while (!TryReplace(place, site.ElementSize, old, apply(old, b, c, (int)site.Mode)));
            if (!d.IsSink)
            {
                BitLanes.Write(d.At(registers), d.Size, lane, old);
            }
        }

        Synchronization.Touch(warp, site, mask);
    }

    /// <summary>An atomic reads what it changes: memory that nothing wrote is reported before the access marks it as written.</summary>
    private static void MarkWritten(Warp warp, MemorySite site, uint mask)
    {
        if (site.Space is not (PtxStateSpace.Global or PtxStateSpace.Shared) || !warp.Block.Launch.Has(Checks.SimulatorChecks.Uninitialized))
        {
            return;
        }

        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (site.Space == PtxStateSpace.Shared)
            {
                SharedAccess.Resolve(warp, site, lane, warp.Addresses[lane], site.Bytes, write: false);
            }
            else
            {
                GlobalAccess.Resolve(warp, site, lane, warp.Addresses[lane], site.Bytes, write: false);
            }
        }
    }

    private static bool TryReplace(byte* place, int size, ulong old, ulong changed)
    {
        switch (size)
        {
            case 2:
                return Interlocked.CompareExchange(ref *(ushort*)place, (ushort)changed, (ushort)old) == (ushort)old;
            case 4:
                return Interlocked.CompareExchange(ref *(uint*)place, (uint)changed, (uint)old) == (uint)old;
            default:
                return Interlocked.CompareExchange(ref *(ulong*)place, changed, old) == old;
        }
    }
}
