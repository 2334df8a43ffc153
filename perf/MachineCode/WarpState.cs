using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>A warp on its way through its instructions.</summary>
/// <param name="trace">Indices into the code, in the order of execution.</param>
/// <param name="block">Its block.</param>
/// <param name="team">The warps of it that meet at a barrier of their own, whose number is in a register.</param>
internal sealed class WarpState(int[] trace, BlockState block, BlockState team)
{
    private readonly List<(double Time, Pipe By)>[] _pending = [.. Enumerable.Range(0, ControlCode.Barriers).Select(_ => new List<(double, Pipe)>())];
    private double _copied;

    public BlockState Block => block;

    public int Position { get; private set; }

    public bool IsDone => Position == trace.Length;

    public int Next => trace[Position];

    /// <summary>When its stall is over.</summary>
    public double Ready { get; private set; }

    /// <summary>When what it waits for is there, infinite while others of the block are not at the barrier; and what that is.</summary>
    public (double Time, WaitReason Reason) Earliest(MachineInstruction next)
    {
        (double time, WaitReason reason) = (Ready, WaitReason.Stall);
        if (Math.Max(block.Opens(this), team.Opens(this)) is double opens && opens > time)
        {
            (time, reason) = (opens, WaitReason.Block);
        }

        int mask = next.Control.WaitMask;
        for (int barrier = 0; mask != 0; barrier++, mask >>= 1)
        {
            if ((mask & 1) != 0)
            {
                foreach ((double done, Pipe by) in _pending[barrier])
                {
                    (time, reason) = done > time ? (done, ReasonOf(by)) : (time, reason);
                }
            }
        }

        return next.Name == "DEPBAR" && WhenAtMost(next) is double free && free > time ? (free, WaitReason.Global) : (time, reason);
    }

    /// <summary>Goes on to the next instruction.</summary>
    /// <param name="issued">The one that was issued.</param>
    /// <param name="pipe">Its unit.</param>
    /// <param name="now">When.</param>
    /// <param name="read">When its operands are read.</param>
    /// <param name="done">When its result is there.</param>
    public void Issue(MachineInstruction issued, Pipe pipe, double now, double read, double done)
    {
        Position++;
        Ready = now + Math.Max(1, issued.Control.Stall);
        switch (issued.Name)
        {
            case "LDGSTS":
                _copied = Math.Max(_copied, done);
                break;
            case "LDGDEPBAR":
                Add(0, _copied, now, Pipe.Global);
                break;
            case "BAR":
                (issued.Operands.StartsWith('R') ? team : block).Arrive(this, Ready);
                break;
            default:
                break;
        }

        if (issued.Name != "LDGDEPBAR")
        {
            Add(issued.Control.WriteBarrier, done, now, pipe);
            Add(issued.Control.ReadBarrier, read, now, pipe);
        }
    }

    private static WaitReason ReasonOf(Pipe by) => by switch
    {
        Pipe.Tensor => WaitReason.Tensor,
        Pipe.Shared => WaitReason.Shared,
        Pipe.Global => WaitReason.Global,
        _ => WaitReason.Special,
    };

    private void Add(int barrier, double time, double now, Pipe by)
    {
        if (barrier < ControlCode.Barriers)
        {
            _pending[barrier].RemoveAll(other => other.Time <= now);
            _pending[barrier].Add((time, by));
        }
    }

    // DEPBAR.LE SB0, 0x1: until at most one of the barrier's is still up.
    private double WhenAtMost(MachineInstruction wait)
    {
        string[] operands = wait.Operands.Split(',', StringSplitOptions.TrimEntries);
        List<(double Time, Pipe By)> pending = _pending[int.Parse(operands[0].AsSpan(2), CultureInfo.InvariantCulture)];
        int allowed = Convert.ToInt32(operands[1], 16);
        return pending.Count <= allowed ? 0 : pending.Select(other => other.Time).Order().ElementAt(pending.Count - allowed - 1);
    }
}
