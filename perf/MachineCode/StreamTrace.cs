using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Which instructions a warp in the middle of a grid executes of a kernel that streams through memory. The code is not run. Of two ways forward it
/// goes where more bytes are moved in wide accesses, so not through the code for odd ends; loops go round until what a thread has to load is
/// loaded, and once where they load nothing.
/// </summary>
internal sealed class StreamTrace
{
    // Accesses of less than 8 bytes are for what is left over, unless there is nothing else.
    private const int WideBytes = 8;
    private const double NarrowWorth = 0.1;

    // A call is of a division's rare case, and of ways that move the same the shorter is the usual one.
    private const double CallWorth = -0.01, InstructionWorth = -1e-6, ClosedWorth = -1e6;

    // Where a row is no whole number of a block's accesses, a thread's mean is less than most threads have.
    private const double IdleShare = 0.75;

    private readonly FlowGraph _graph;
    private readonly double _threadLoadBytes;
    private readonly double[] _worth;
    private readonly Dictionary<int, int> _rounds = [];

    /// <param name="graph">The code.</param>
    /// <param name="threadLoadBytes">Bytes that a thread has to load.</param>
    public StreamTrace(FlowGraph graph, double threadLoadBytes)
    {
        (_graph, _threadLoadBytes) = (graph, threadLoadBytes);
        _worth = WorthOf();
    }

    /// <summary>The instructions of a warp, by index.</summary>
    public int[] Read()
    {
        var trace = new List<int>();
        _rounds.Clear();
        double loaded = 0;
        for (int at = 0; at < _graph.Code.Length;)
        {
            MachineInstruction instruction = _graph.Code[at];
            trace.Add(at);
            loaded += LoadBytes(instruction);
            if (instruction.IsExit && instruction.Guard.Length == 0)
            {
                break;
            }

            at = instruction.IsBranch && (!instruction.IsConditional || Takes(at, _threadLoadBytes - loaded)) ? instruction.Target : at + 1;
        }

        return [.. trace];
    }

    private bool Takes(int at, double left)
    {
        int target = _graph.Code[at].Target;
        MachineLoop loop = _graph.Loops.Where(inner => at >= inner.First && at <= inner.Last).DefaultIfEmpty(new MachineLoop(-1, -1)).MinBy(inner => inner.Count);
        if (target <= at)
        {
            // A loop whose loads are jumped over ends too.
            var back = new MachineLoop(target, at);
            _rounds[at] = _rounds.GetValueOrDefault(at) + 1;
            return GoesOn(back, left) && _rounds[at] * LoadBytes(back) < _threadLoadBytes;
        }

        if (loop.First >= 0 && target > loop.Last)
        {
            return !GoesOn(loop, left);
        }

        // Nothing is left for a loop behind the one that the compiler has unrolled.
        bool overLoop = _graph.Loops.Any(inner => inner.First > at && inner.Last < target && IsTooLong(inner, left));
        return overLoop || _worth[target] > _worth[at + 1];
    }

    private bool GoesOn(MachineLoop loop, double left) => LoadBytes(loop) > 0 && !IsTooLong(loop, left);

    private bool IsTooLong(MachineLoop loop, double left) => LoadBytes(loop) * IdleShare > left;

    private double LoadBytes(MachineLoop loop) => Enumerable.Range(loop.First, loop.Count).Sum(i => LoadBytes(_graph.Code[i]));

    private static double LoadBytes(MachineInstruction instruction) => instruction.Name is "LDG" or "LDGSTS" ? instruction.Bytes : 0;

    // From the end to the beginning: what can still be moved from an instruction on, without going back. Not through a loop of more than there is.
    private double[] WorthOf()
    {
        var worth = new double[_graph.Code.Length + 1];
        HashSet<int> closed = [.. _graph.Loops.Where(loop => IsTooLong(loop, _threadLoadBytes)).Select(loop => loop.First)];
        for (int i = _graph.Code.Length - 1; i >= 0; i--)
        {
            MachineInstruction instruction = _graph.Code[i];
            double next = instruction.IsExit && instruction.Guard.Length == 0 ? 0 : worth[i + 1];
            bool isForward = instruction.IsBranch && instruction.Target > i;
            next = isForward ? instruction.IsConditional ? Math.Max(next, worth[instruction.Target]) : worth[instruction.Target] : next;
            next = instruction.IsBranch && !isForward && !instruction.IsConditional ? 0 : next;
            double own = MachineModel.PipeOf(instruction) == Pipe.Global ? instruction.Bytes * (instruction.Bytes >= WideBytes ? 1 : NarrowWorth) : InstructionWorth;
            worth[i] = closed.Contains(i) ? ClosedWorth : next + own + (instruction.Name == "CALL" ? CallWorth : 0);
        }

        return worth;
    }
}
