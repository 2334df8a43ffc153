using System;
using System.Collections.Generic;

namespace GptEngine.Perf.MachineCode;

/// <summary>A block's barrier.</summary>
/// <param name="warps">Warps of the block.</param>
internal sealed class BlockState(int warps)
{
    private readonly HashSet<WarpState> _waiting = [];
    private double _opened;

    /// <summary>Warps that have not ended.</summary>
    public int Left { get; set; } = warps;

    /// <summary>When a warp may go on; infinite until all have arrived.</summary>
    public double Opens(WarpState warp) => _waiting.Contains(warp) ? double.PositiveInfinity : _opened;

    public void Arrive(WarpState warp, double time)
    {
        _opened = Math.Max(_opened, time);
        _waiting.Add(warp);
        if (_waiting.Count == Left)
        {
            _waiting.Clear();
        }
    }
}
