using System.Globalization;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>Whether a matrix descriptor is one, and names shared memory that the block has.</summary>
internal static class WarpgroupChecks
{
    internal static void Require(Warp warp, MemorySite site, MatrixDescriptor descriptor)
    {
        if (descriptor.HasReservedBits)
        {
            warp.Block.Report(
                FindingKind.Misaligned,
                warp.ThreadOf(0),
                site,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the matrix descriptor 0x{descriptor.Bits:x16} has bits that belong to no field: its addresses and offsets are to be multiples of 16 below 2^18, divided by 16."));
        }

        if (!descriptor.IsAligned)
        {
            warp.Block.Report(
                FindingKind.Misaligned,
                warp.ThreadOf(0),
                site,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the matrix at byte {descriptor.Start} of shared memory, with a swizzle of {descriptor.Width * MatrixDescriptor.ChunkBytes} bytes and base offset {descriptor.BaseOffset}, does not start in the first row of the pattern, which repeats every {descriptor.PatternBytes} bytes."));
        }
    }

    internal static void RequireInBounds(Warp warp, MemorySite site, int[] places)
    {
        int size = warp.Block.Launch.SharedBytes;
        foreach (int place in places)
        {
            if (place + MatrixDescriptor.ChunkBytes > size)
            {
                throw warp.Block.Fail(
                    FindingKind.OutOfBounds,
                    warp.ThreadOf(0),
                    site,
                    string.Create(CultureInfo.InvariantCulture, $"the matrix descriptor reaches byte {place + MatrixDescriptor.ChunkBytes - 1} of shared memory, of which the block has {size} bytes."));
            }
        }
    }
}
