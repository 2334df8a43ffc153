using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Which instructions the warps of attention's forward kernel on warpgroup products execute, one document. It has a loop of scores and sums,
/// before it the first scores and behind it the last sums, and loops around these in which a warpgroup only copies for the others.
/// </summary>
internal sealed class WarpgroupTraces : IHeadTraces
{
    private readonly FlowGraph _graph;
    private readonly AttentionPass _pass;
    private readonly MachineLoop _main;
    private readonly int _lastSums;

    /// <param name="graph">The code.</param>
    /// <param name="pass">What its warps do.</param>
    public WarpgroupTraces(FlowGraph graph, AttentionPass pass)
    {
        (_graph, _pass) = (graph, pass);
        _main = graph.Loops.Where(loop => Count(loop.First, loop.Last, MachineModel.IsOfWarpgroup) > 0).MaxBy(loop => loop.Count);
        _lastSums = Enumerable.Range(_main.Last, graph.Code.Length - _main.Last).First(i => MachineModel.IsOfWarpgroup(graph.Code[i]));
    }

    public bool IsBeforeSteps(int at) => at < _main.First && Count(0, at, MachineModel.IsOfWarpgroup) == 0;

    public IEnumerable<int[][]> OfHead(int time)
    {
        if (time % _pass.BlockRows != 0)
        {
            throw new UserErrorException($"The replay of {_pass.Kernel} takes lengths of whole blocks of {_pass.BlockRows}, not {time}.", ExitCode.Usage);
        }

        int tiles = _pass.Tiles(time);
        return Enumerable.Range(0, tiles).Select(i => OfBlock(tiles - 1 - i));
    }

    /// <summary>The traces of a block's warps.</summary>
    public int[][] OfBlock(int tile)
    {
        int steps = (tile + 1) * _pass.BlockRows / _pass.Step;
        return
        [
            .. Enumerable.Range(0, _pass.Warps).Select(warp => OfWarp(((tile * _pass.BlockRows) + (warp / _pass.Team * _pass.WarpRows)) / _pass.Step + 1, steps)),
        ];
    }

    // Of a warp that sees so many of its block's steps.
    private int[] OfWarp(int own, int steps)
    {
        var trace = new List<int>();
        var rounds = new Dictionary<int, int>();
        int turn = 0;
        int copies = 0;
        for (int at = 0; at < _graph.Code.Length;)
        {
            MachineInstruction instruction = _graph.Code[at];
            rounds[at] = rounds.GetValueOrDefault(at) + 1;
            if (instruction.Name == "SYNCS" && instruction.Has("ARRIVE"))
            {
                (turn, copies) = (turn + 1, 0);
            }

            if (instruction.Name != "LDGSTS" || IsReal(turn, copies++, steps))
            {
                trace.Add(at);
            }

            if (instruction.IsExit && instruction.Guard.Length == 0)
            {
                break;
            }

            at = instruction.IsBranch && (!instruction.IsConditional || Takes(at, own, steps, rounds)) ? instruction.Target : at + 1;
        }

        return [.. trace];
    }

    // In the turn of step s keys of step s + 3 are asked for, then values of s + 2, as far as there are such. The first arrival is before all turns, the
    // next in that before step 0.
    private bool IsReal(int turn, int copy, int steps) =>
        turn < 2 || turn - 3 + (copy < CopiesOfATensor ? 3 : 2) < steps;

    private int CopiesOfATensor => Count(_main.First, _main.Last, instruction => instruction.Name == "LDGSTS") / 2;

    private bool Takes(int at, int own, int steps, Dictionary<int, int> rounds)
    {
        int target = _graph.Code[at].Target;
        MachineLoop[] over = [.. _graph.Loops.Where(loop => at < loop.First && target > loop.Last && IsOfTurns(loop))];
        if (target <= at)
        {
            return rounds[at] < Rounds(_graph.Loops.Last(loop => loop.First == target && loop.Last >= at), own, steps);
        }

        if (over.Length > 0)
        {
            return target <= _lastSums ? over.All(loop => Rounds(loop, own, steps) == 0) : at > _lastSums && Rounds(over[0], own, steps) == 0;
        }

        bool isInLoop = at >= _main.First && at <= _main.Last;
        int step = isInLoop ? rounds[_main.First] : 0;
        return Count(at, target - 1, i => i.Name is "FSEL" or "SEL") >= 8 ? step != own - 1
            : Count(at, target - 1, i => i.Name == "FMUL") > (target - at) / 2 && isInLoop;
    }

    // Loops that wait at a barrier find it open: how long a warp waits there is for the simulation to say.
    private int Rounds(MachineLoop loop, int own, int steps) =>
        loop == _main ? own - 1 : !IsOfTurns(loop) ? 1 : loop.First < _main.First ? 0 : steps - own;

    private bool IsOfTurns(MachineLoop loop) => loop == _main || Count(loop.First, loop.Last, i => i.Name == "LDGSTS") > 0;

    private int Count(int first, int last, Func<MachineInstruction, bool> isCounted) =>
        Enumerable.Range(first, last - first + 1).Count(i => isCounted(_graph.Code[i]));
}
