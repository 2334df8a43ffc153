using System;
using System.Collections.Generic;

namespace GptEngine.Perf.MachineCode;

/// <summary>A block's barriers: that of all its warps, and one in shared memory at which they arrive and go on, and wait later.</summary>
/// <param name="warps">Warps of the block.</param>
internal sealed class BlockState(int warps)
{
    private readonly HashSet<WarpState> _waiting = [];
    private readonly List<double> _turns = [];
    private readonly int _warps = warps;
    private int _arrived;
    private double _last;
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

    /// <summary>When a turn of the block's memory barrier is over, by how many there were before it; infinite until all have arrived.</summary>
    public double Ends(int turn) => turn < _turns.Count ? _turns[turn] : double.PositiveInfinity;

    /// <summary>A warp arrives at the memory barrier, and goes on.</summary>
    public void Pass(double time)
    {
        _last = Math.Max(_last, time);
        if (++_arrived % _warps == 0)
        {
            _turns.Add(_last);
        }
    }
}
