using System;
using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// Passes over the banks that a warpgroup product's operands need. Assumed, for no manual says it: the tensor cores read a core matrix
/// (eight chunks of 16 bytes, of as many rows or places of what is summed over) at a time, in one pass where its chunks lie in different
/// banks and else in as many as there are chunks to the fullest; B once for the four warps, A for each warp its own rows.
/// </summary>
internal static class WarpgroupWavefronts
{
    private const int CoreRows = 8;

    /// <summary>Groups of four banks, a chunk wide.</summary>
    private const int BankGroups = 8;

    internal static void Count(Warp warp, ReadOnlySpan<int> places, bool isDown)
    {
        // Down the rows a core matrix is eight neighbours; along them every other chunk is the other half's.
        int step = isDown ? 1 : 2;
        int wavefronts = 0;
        Span<int> used = stackalloc int[BankGroups];
        for (int i = 0; i < places.Length / CoreRows; i++)
        {
            int first = isDown ? i * CoreRows : (i / 2 * 2 * CoreRows) + (i % 2);
            used.Clear();
            int most = 0;
            for (int row = 0; row < CoreRows; row++)
            {
                most = Math.Max(most, ++used[places[first + (row * step)] / MatrixDescriptor.ChunkBytes % BankGroups]);
            }

            wavefronts += most;
        }

        warp.Block.Counters.SharedRequests++;
        warp.Block.Counters.SharedWavefronts += wavefronts;
        warp.Block.Counters.SharedIdealWavefronts += places.Length / CoreRows;
    }
}
