using System;
using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>What a block keeps for warpgroup products: its warpgroups, the chunks that descriptors name, and what is being read.</summary>
internal sealed class BlockProducts : IDisposable
{
    private readonly Dictionary<(ulong Descriptor, bool IsDown, int Rows), int[]> _places = [];

    internal BlockProducts(ThreadBlock block)
    {
        Reads = new ProductReads(block);
        Warpgroups = new Warpgroup[(block.Warps.Length + Warpgroup.Warps - 1) / Warpgroup.Warps];
        for (int i = 0; i < Warpgroups.Length; i++)
        {
            Warpgroups[i] = new Warpgroup(block, i);
        }
    }

    internal ProductReads Reads { get; }

    internal Warpgroup[] Warpgroups { get; }

    /// <summary>
    /// The chunks of an operand of so many rows (of A; columns of B). K-major a row's two chunks after each other, row by row; MN-major 16
    /// chunks, one for each place of what is summed over, for each eight rows.
    /// </summary>
    internal int[] PlacesOf(Warp warp, MemorySite site, ulong bits, bool isDown, int rows)
    {
        if (_places.TryGetValue((bits, isDown, rows), out int[]? known))
        {
            return known;
        }

        var descriptor = new MatrixDescriptor(bits);
        WarpgroupChecks.Require(warp, site, descriptor);
        var places = new int[2 * rows];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = isDown ? descriptor.DownRows(i / 16, i % 16) : descriptor.AlongRow(i / 2, i % 2);
        }

        WarpgroupChecks.RequireInBounds(warp, site, places);
        return _places[(bits, isDown, rows)] = places;
    }

    /// <summary>Reports warps that ended behind the others of their warpgroup.</summary>
    internal void CheckEnd()
    {
        foreach (Warpgroup group in Warpgroups)
        {
            group.CheckEnd();
        }
    }

    internal void Clear()
    {
        Reads.Clear();
        foreach (Warpgroup group in Warpgroups)
        {
            group.Clear();
        }
    }

    public void Dispose() => Reads.Dispose();
}
