using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>The read-only registers that PTX names with a percent sign: rows at the front of every warp's registers.</summary>
internal static unsafe class SpecialRegisters
{
    private const int RowBytes = 4 * Warp.Lanes;

    private static readonly string[] s_names =
    [
        "%tid.x", "%tid.y", "%tid.z", "%laneid", "%warpid", "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt",
        "%ntid.x", "%ntid.y", "%ntid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z", "%nwarpid", "%nsmid", "%gridid",
        "%dynamic_smem_size", "%total_smem_size", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%smid",
        "%clusterid.x", "%clusterid.y", "%clusterid.z", "%nclusterid.x", "%nclusterid.y", "%nclusterid.z",
        "%cluster_ctaid.x", "%cluster_ctaid.y", "%cluster_ctaid.z", "%cluster_nctaid.x", "%cluster_nctaid.y", "%cluster_nctaid.z",
        "%cluster_ctarank", "%cluster_nctarank",
    ];

    private static readonly Dictionary<string, int> s_places = Places();

    /// <summary>Bytes of all rows together.</summary>
    internal static int Bytes => s_names.Length * RowBytes;

    /// <summary>The offset of a register's row; false for one that has none (a clock) or is not known.</summary>
    internal static bool TryGetOffset(string name, out int offset) => s_places.TryGetValue(name, out offset);

    /// <summary>What does not change from block to block.</summary>
    internal static void FillForWarp(Warp warp)
    {
        LaunchContext launch = warp.Block.Launch;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            Dimensions thread = launch.BlockShape.At(warp.ThreadOf(lane));
            uint bit = 1u << lane;
            Set(warp, "%tid.x", lane, (uint)thread.X);
            Set(warp, "%tid.y", lane, (uint)thread.Y);
            Set(warp, "%tid.z", lane, (uint)thread.Z);
            Set(warp, "%laneid", lane, (uint)lane);
            Set(warp, "%lanemask_eq", lane, bit);
            Set(warp, "%lanemask_le", lane, (bit - 1) | bit);
            Set(warp, "%lanemask_lt", lane, bit - 1);
            Set(warp, "%lanemask_ge", lane, ~(bit - 1));
            Set(warp, "%lanemask_gt", lane, ~((bit - 1) | bit));
        }

        Fill(warp, "%warpid", (uint)warp.Index);
        FillThree(warp, "%ntid", launch.BlockShape);
        FillThree(warp, "%nctaid", launch.Grid);
        Fill(warp, "%nwarpid", 64);
        Fill(warp, "%nsmid", 1);
        Fill(warp, "%gridid", 0);
        Fill(warp, "%dynamic_smem_size", (uint)launch.DynamicSharedBytes);
        Fill(warp, "%total_smem_size", (uint)launch.SharedBytes);
        Fill(warp, "%smid", 0);
        FillThree(warp, "%nclusterid", launch.Grid);
        FillThree(warp, "%cluster_ctaid", new Dimensions(0, 0, 0));
        FillThree(warp, "%cluster_nctaid", new Dimensions(1));
        Fill(warp, "%cluster_ctarank", 0);
        Fill(warp, "%cluster_nctarank", 1);
    }

    /// <summary>What a new block changes.</summary>
    internal static void FillForBlock(Warp warp)
    {
        FillThree(warp, "%ctaid", warp.Block.Index);
        FillThree(warp, "%clusterid", warp.Block.Index);
    }

    private static Dictionary<string, int> Places()
    {
        var places = new Dictionary<string, int>();
        for (int i = 0; i < s_names.Length; i++)
        {
            places.Add(s_names[i], i * RowBytes);
        }

        return places;
    }

    private static void Set(Warp warp, string name, int lane, uint value) => ((uint*)(warp.Registers + s_places[name]))[lane] = value;

    private static void Fill(Warp warp, string name, uint value) => new System.Span<uint>(warp.Registers + s_places[name], Warp.Lanes).Fill(value);

    private static void FillThree(Warp warp, string name, Dimensions values)
    {
        Fill(warp, name + ".x", (uint)values.X);
        Fill(warp, name + ".y", (uint)values.Y);
        Fill(warp, name + ".z", (uint)values.Z);
    }
}
