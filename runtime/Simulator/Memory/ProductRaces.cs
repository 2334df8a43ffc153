using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// The reads of warpgroup products among a block's accesses to shared memory: what wrote the bytes must come before, and be shown to the
/// asynchronous proxy, by which products read. A read leaves its trace when its product was waited for.
/// </summary>
internal static unsafe class ProductRaces
{
    private const int WordBytes = 4;
    private const int ChunkWords = 4;

    /// <summary>What two writes have in common where one being in order means that the other is: time, warp and proxy.</summary>
    private const ulong OrderBits = SharedRaceShadow.TimeBits | (0x1Ful << 33) | SharedRaceShadow.AsyncProxyBit;

    /// <summary>A product of the warp will read 16 bytes.</summary>
    /// <param name="warp">The warp.</param>
    /// <param name="site">The product.</param>
    /// <param name="offset">The first byte, a multiple of 16.</param>
    /// <param name="known">A writer that was in order whichever lane it was; the next chunk often has the same. 0 for none.</param>
    /// <returns>The next call's <paramref name="known"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static ulong Check(Warp warp, MemorySite site, int offset, ulong known)
    {
        ThreadBlock block = warp.Block;
        ulong* writers = block.Races.Writers + (offset / WordBytes);
        if ((Vector256.Load(writers) & Vector256.Create(OrderBits)) != Vector256.Create(known))
        {
            for (int word = 0; word < ChunkWords; word++)
            {
                known = CheckWriter(warp, site, writers[word], offset + (word * WordBytes), known);
            }
        }

        for (int at = offset; block.HasByteRaces && at < offset + (ChunkWords * WordBytes); at++)
        {
            known = CheckWriter(warp, site, block.ByteRaces.Writers[at], at, known);
        }

        return known;
    }

    /// <summary>The trace of a read of 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Leave(Warp warp, int offset, ulong entry)
    {
        SharedRaceShadow races = warp.Block.Races;
        int piece = offset / WordBytes;
        int warps = warp.Block.Warps.Length;
        Vector256.Create(entry).Store(races.Readers + piece);
        (Vector128.Load(races.ReaderWarps + piece) | Vector128.Create(1u << warp.Index)).Store(races.ReaderWarps + piece);
        uint* times = races.ReaderTimes + (piece * warps) + warp.Index;
        uint time = SharedRaceShadow.Time(entry);
        times[0] = time;
        times[warps] = time;
        times[2 * warps] = time;
        times[3 * warps] = time;
    }

    private static ulong CheckWriter(Warp warp, MemorySite site, ulong writer, int at, ulong known)
    {
        if (writer == 0 || (writer & OrderBits) == known)
        {
            return known;
        }

        int other = SharedRaceShadow.Warp(writer);
        uint time = SharedRaceShadow.Time(writer);
        if (time > warp.Clock[other])
        {
            SharedRaces.Report(warp, site, 0, at, writer, other, "written");
            return known;
        }

        if ((writer & SharedRaceShadow.AsyncProxyBit) != 0 || time <= warp.Clock[BlockClock.Shown + other])
        {
            return writer & OrderBits;
        }

        // The lane that wrote may have fenced alone.
        uint fenced = warp.Block.Warps[other].ProxyFences[SharedRaceShadow.Lane(writer)];
        if (time > fenced || fenced > warp.Clock[other])
        {
            int otherSite = SharedRaceShadow.Site(writer);
            warp.Block.Report(
                FindingKind.ProxyFenceMissing,
                warp.ThreadOf(0),
                site,
                string.Create(CultureInfo.InvariantCulture, $"byte {at} of shared memory was written with no fence.proxy.async by the writer before the barrier between."),
                otherSite,
                warp.Block.Describe((other * Warp.Lanes) + SharedRaceShadow.Lane(writer), otherSite));
        }

        return known;
    }
}
