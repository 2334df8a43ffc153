namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>One wgmma instruction of a warpgroup, which its four warps reach one after another.</summary>
internal sealed class WarpgroupStep
{
    /// <summary>The instruction's site, and what else must be the same in all warps: descriptors and whether the sums so far count.</summary>
    internal (int Site, ulong Left, ulong Right, bool Adds) Deed { get; set; }

    /// <summary>The first warp to come.</summary>
    internal int First { get; set; }

    /// <summary>Warps that have come.</summary>
    internal int Arrived { get; set; }

    /// <summary>B in double, eight columns at a time: the first warp converts it for all.</summary>
    internal double[] Right { get; private set; } = [];

    /// <summary>Makes room for B.</summary>
    internal void Take(int values) => Right = Right.Length >= values ? Right : new double[values];
}
