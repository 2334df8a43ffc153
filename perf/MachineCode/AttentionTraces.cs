using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Which instructions the warps of an attention kernel execute. The code is not run: its branches are told apart by what they jump over, and
/// decided by the causal mask's geometry. Loops of products go round as often as the multiply-adds of a step need.
/// </summary>
internal sealed class AttentionTraces
{
    private readonly FlowGraph _graph;
    private readonly AttentionPass _pass;
    private readonly MachineLoop _main;
    private readonly Dictionary<int, BranchKind> _kinds = [];
    private readonly Dictionary<int, int> _trips = [];

    public AttentionTraces(FlowGraph graph, AttentionPass pass, int headSize)
    {
        (_graph, _pass) = (graph, pass);
        _main = graph.Loops.Where(loop => Count(loop.First, loop.Last, Pipe.Tensor) > 0).MaxBy(loop => loop.Count);
        for (int i = 0; i < graph.Code.Length; i++)
        {
            if (graph.Code[i] is { IsBranch: true, IsConditional: true } branch)
            {
                _kinds[i] = KindOf(i, branch.Target);
            }
        }

        CountTrips(headSize);
    }

    /// <summary>The loop over steps.</summary>
    public MachineLoop Main => _main;

    /// <summary>How often a loop of products goes round in a step, or a loop of copies before the first; by its first instruction.</summary>
    public IReadOnlyDictionary<int, int> Trips => _trips;

    public IReadOnlyDictionary<int, BranchKind> Kinds => _kinds;

    /// <summary>The traces of a block's warps.</summary>
    public int[][] OfBlock(int tile, int time)
    {
        int[] steps = _pass.Steps(tile, time);
        return [.. Enumerable.Range(0, _pass.Warps).Select(warp => OfWarp((tile * _pass.BlockRows) + (warp * _pass.WarpRows), steps))];
    }

    private int[] OfWarp(int ownFirst, int[] steps)
    {
        var trace = new List<int>();
        var rounds = new Dictionary<int, int>();
        int previous = -1;
        for (int at = 0; at < _graph.Code.Length;)
        {
            MachineInstruction instruction = _graph.Code[at];
            CountRounds(at, previous, rounds);
            trace.Add(at);
            if (instruction.IsExit && instruction.Guard.Length == 0)
            {
                break;
            }

            previous = at;
            at = instruction.IsBranch && (!instruction.IsConditional || Takes(at, ownFirst, steps, rounds)) ? instruction.Target : at + 1;
        }

        return [.. trace];
    }

    private bool Takes(int at, int ownFirst, int[] steps, Dictionary<int, int> rounds)
    {
        int step = rounds.GetValueOrDefault(_main.First, 1) - 1;
        return _kinds[at] switch
        {
            BranchKind.Back => GoesOn(InnermostOf(at), steps.Length, rounds),
            BranchKind.Out => !GoesOn(InnermostOf(at), steps.Length, rounds),
            BranchKind.OverStep => !_pass.Sees(ownFirst, steps[step]),
            BranchKind.OverMask => !_pass.IsMasked(ownFirst, steps[step]),
            BranchKind.OverScaling => step > 0,
            BranchKind.OverCopy => step == steps.Length - 1,
            BranchKind.ToCopy => step < steps.Length - 1,
            _ => false,
        };
    }

    private bool GoesOn(MachineLoop loop, int steps, Dictionary<int, int> rounds) =>
        rounds[loop.First] < (loop == _main ? steps : _trips.GetValueOrDefault(loop.First, 1));

    // A loop of copies may be left in the middle: what counts there are chunks, not rounds.
    private void CountRounds(int at, int previous, Dictionary<int, int> rounds)
    {
        foreach (MachineLoop loop in _graph.Loops)
        {
            bool copies = loop.Last < _main.First && Chunks(loop) > 0;
            if (at == loop.First)
            {
                bool again = previous >= loop.First && previous <= loop.Last;
                rounds[at] = again ? rounds[at] + (copies ? 0 : 1) : copies ? 0 : 1;
            }

            if (copies && at >= loop.First && at <= loop.Last && IsChunk(_graph.Code[at]))
            {
                rounds[loop.First]++;
            }
        }
    }

    private MachineLoop InnermostOf(int at) =>
        _graph.Loops.Where(loop => at >= loop.First && at <= loop.Last).DefaultIfEmpty(new MachineLoop(at, at)).MinBy(loop => loop.Count);

    private int Chunks(MachineLoop loop) => Enumerable.Range(loop.First, loop.Count).Count(i => IsChunk(_graph.Code[i]));

    private static bool IsChunk(MachineInstruction instruction) => instruction is { Name: "LDG" or "LDGSTS", Bytes: 16 };

    private BranchKind KindOf(int at, int target)
    {
        if (target <= at)
        {
            return BranchKind.Back;
        }

        MachineLoop inner = InnermostOf(at);
        if (inner.Count > 1 && target > inner.Last)
        {
            return BranchKind.Out;
        }

        if (at < _main.First || at > _main.Last)
        {
            return BranchKind.Passed;
        }

        int length = target - at;
        return Count(at, target - 1, Pipe.Tensor) > 0 ? BranchKind.OverStep
            : Named(at, target - 1, "FSEL") + Named(at, target - 1, "SEL") >= 8 ? BranchKind.OverMask
            : Named(at, target - 1, "FMUL") > length / 2 ? BranchKind.OverScaling
            : Named(at, target - 1, "LDGSTS") > 0 ? BranchKind.OverCopy
            : target <= _main.Last && Named(target, BlockEnd(target), "LDGSTS") > 0 ? BranchKind.ToCopy
            : BranchKind.Passed;
    }

    private int BlockEnd(int first) => _graph.Blocks.First(block => block.First == first).Last;

    private void CountTrips(int headSize)
    {
        MachineLoop[] products = [.. _graph.Loops.Where(loop => _main.Contains(loop) && Count(loop.First, loop.Last, Pipe.Tensor) > 0)];
        double inside = products.Sum(loop => MultiplyAdds(loop));
        double rest = _pass.StepMultiplyAdds(headSize) - (MultiplyAdds(_main) - inside);
        foreach (MachineLoop loop in products)
        {
            _trips[loop.First] = (int)Math.Round(rest / inside);
        }

        foreach (MachineLoop loop in _graph.Loops.Where(loop => loop.Last < _main.First))
        {
            _trips[loop.First] = Chunks(loop) == 0 ? 1 : _pass.ChunksPerThread(headSize);
        }
    }

    private double MultiplyAdds(MachineLoop loop) =>
        Enumerable.Range(loop.First, loop.Count).Sum(i => MachineModel.PipeOf(_graph.Code[i]) == Pipe.Tensor ? MachineModel.MultiplyAdds(_graph.Code[i]) : 0);

    private int Count(int first, int last, Pipe pipe) => Enumerable.Range(first, last - first + 1).Count(i => MachineModel.PipeOf(_graph.Code[i]) == pipe);

    private int Named(int first, int last, string name) => Enumerable.Range(first, last - first + 1).Count(i => _graph.Code[i].Name == name);
}
