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
    private readonly List<double> _products = [];
    private double _copied;
    private int _turns;

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

        (double free, WaitReason why) = next switch
        {
            { Name: "DEPBAR" } => (WhenAtMost(next, CopiesOf(next)), WaitReason.Global),
            { Opcode: "WARPGROUP.DEPBAR.LE" } => (WhenAtMost(next, _products), WaitReason.Tensor),
            { Name: "SYNCS" } when next.Has("TRYWAIT") => (block.Ends(_turns), WaitReason.Block),
            _ => (0, reason),
        };
        return free > time ? (free, why) : (time, reason);
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
            case "HGMMA" when issued.Operands.Contains("gsb0", StringComparison.Ordinal):
                _products.Add(done);
                break;
            case "SYNCS" when issued.Has("TRYWAIT"):
                _turns++;
                break;
            case "SYNCS" when issued.Has("ARRIVE"):
                block.Pass(now);
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
    private static double WhenAtMost(MachineInstruction wait, IEnumerable<double> times)
    {
        double[] pending = [.. times.Order()];
        int allowed = Convert.ToInt32(wait.Operands.Split(',', StringSplitOptions.TrimEntries)[1], 16);
        return pending.Length <= allowed ? 0 : pending[pending.Length - allowed - 1];
    }

    private IEnumerable<double> CopiesOf(MachineInstruction wait) =>
        _pending[int.Parse(wait.Operands.Split(',')[0].AsSpan(2), CultureInfo.InvariantCulture)].Select(other => other.Time);
}
