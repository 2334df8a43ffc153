using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Which instructions the warps of an attention kernel execute. The code is not run: its branches are told apart by what they jump over, and
/// decided by the causal mask's geometry. Loops of products go round as often as the multiply-adds of a step need.
/// </summary>
internal sealed class AttentionTraces : IHeadTraces
{
    /// <summary>Shuffles that a warp sums four rows' products with.</summary>
    private const int ShufflesOfFourRows = 3;

    private readonly FlowGraph _graph;
    private readonly AttentionPass _pass;
    private readonly int _headSize;
    private readonly MachineLoop _main;
    private readonly MachineLoop? _other;
    private readonly StepParts? _parts;
    private readonly Dictionary<int, BranchKind> _kinds = [];
    private readonly Dictionary<int, int> _trips = [];

    /// <param name="graph">The code.</param>
    /// <param name="pass">What its warps do, or some of its blocks' in a launch of two passes.</param>
    /// <param name="headSize">D.</param>
    public AttentionTraces(FlowGraph graph, AttentionPass pass, int headSize)
    {
        (_graph, _pass, _headSize) = (graph, pass, headSize);
        MachineLoop[] loops = [.. graph.Loops.Where(loop => Count(loop.First, loop.Last, Pipe.Tensor) > 0)];
        MachineLoop[] steps = [.. loops.Where(loop => !loops.Any(outer => outer.Contains(loop)))];
        if (pass.IsShort && !pass.IsWholeHead)
        {
            // By keys the statistics of what passes are in shared memory; by queries they stay in registers.
            MachineLoop[] both = [.. steps.OrderByDescending(loop => loop.Count).Take(2).OrderBy(loop => Named(loop.First, loop.Last, "LDS"))];
            (_main, _other) = pass.RowsAreKeys ? (both[1], both[0]) : (both[0], both[1]);
        }
        else
        {
            _main = steps.MaxBy(loop => loop.Count);
        }

        _parts = pass.Products == 2 && new StepParts(graph, _main) is { AreSeparate: true } parts ? parts : null;
        int copies = 0;
        int copyEnd = -1;
        for (int i = 0; i < graph.Code.Length; i++)
        {
            if (graph.Code[i] is { IsBranch: true, IsConditional: true } branch)
            {
                BranchKind kind = KindOf(i, branch.Target);
                if (kind == BranchKind.OverCopy && pass.IsWholeHead)
                {
                    // Of a step's two the first is the queries'. Within them are those over rows past the end.
                    kind = i < copyEnd ? BranchKind.Passed : copies++ == 0 ? BranchKind.OverCopy : BranchKind.OverKeysCopy;
                    copyEnd = Math.Max(copyEnd, branch.Target);
                }

                _kinds[i] = kind;
            }
        }

        CountTrips();
    }

    /// <summary>How often a loop of products goes round in a step, or a loop of copies before the first; by its first instruction.</summary>
    public IReadOnlyDictionary<int, int> Trips => _trips;

    public IReadOnlyDictionary<int, BranchKind> Kinds => _kinds;

    /// <summary>Whether an instruction of this pass is before its steps.</summary>
    public bool IsBeforeSteps(int at) => at < _main.First && (_other is not MachineLoop other || other.First > _main.First || at > other.Last);

    /// <summary>The traces of a head's blocks in the grid's order: early keys and late queries first.</summary>
    public IEnumerable<int[][]> OfHead(int time)
    {
        int tiles = _pass.Tiles(time);
        return Enumerable.Range(0, tiles).Select(i => OfBlock(_pass.RowsAreKeys ? i : tiles - 1 - i, time));
    }

    /// <summary>The traces of a block's warps.</summary>
    public int[][] OfBlock(int tile, int time)
    {
        int[] steps = _pass.Steps(tile, time);
        if (_parts is not null)
        {
            // One more, for the values of the last.
            steps = [.. steps, steps[^1] + _pass.Step];
        }

        return
        [
            .. Enumerable.Range(0, _pass.Warps).Select(warp => OfWarp(
                new WarpWork((tile * _pass.BlockRows) + (warp / _pass.Team * _pass.WarpRows), warp, _pass.RowProducts(warp, tile, time), steps))),
        ];
    }

    private int[] OfWarp(WarpWork work)
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
            at = instruction.IsBranch && (!instruction.IsConditional || Takes(at, work, rounds)) ? instruction.Target : at + 1;
        }

        return [.. trace];
    }

    private bool Takes(int at, WarpWork work, Dictionary<int, int> rounds)
    {
        int step = rounds.GetValueOrDefault(_main.First, 1) - 1;
        int first = work.Steps[step];
        int last = work.Steps.Length - 1;
        return _kinds[at] switch
        {
            BranchKind.Back => GoesOn(InnermostOf(at), work, rounds),
            BranchKind.Out => !GoesOn(InnermostOf(at), work, rounds),
            BranchKind.OverOtherPass => true,
            BranchKind.OverRowProducts => work.RowProducts == 0,
            BranchKind.OverStep when _parts is not null => !_parts.Leads(at + 1, PartOf(work.OwnFirst, first, last == step)),
            BranchKind.OverStep => !_pass.Sees(work.OwnFirst, first) || (_pass.IsWholeHead && step == last),
            BranchKind.OverFinish => step == 0 || _pass.Squares(work.Warp, _headSize) == 0,
            BranchKind.OverMask => !_pass.IsMasked(work.OwnFirst, first + (work.Warp % _pass.Team * (_pass.Step / _pass.Team))),
            BranchKind.OverScaling => step > 0,
            BranchKind.OverCopy => step >= last - (_pass.IsWholeHead || _pass.TakesAllSteps ? 1 : 0),
            BranchKind.OverKeysCopy => step >= last - 2,
            BranchKind.ToCopy => step < last,
            _ => false,
        };
    }

    private StepPart PartOf(int ownFirst, int stepFirst, bool isLast)
    {
        bool hasBegun = stepFirst > 0 && _pass.Sees(ownFirst, stepFirst - _pass.Step);
        return !isLast && _pass.Sees(ownFirst, stepFirst) ? hasBegun ? StepPart.GoesOn : StepPart.Begins : hasBegun ? StepPart.Ends : StepPart.None;
    }

    private bool GoesOn(MachineLoop loop, WarpWork work, Dictionary<int, int> rounds) => rounds[loop.First] < (
        loop == _main ? work.Steps.Length
        : !_main.Contains(loop) ? IsOfRowProducts(loop) ? work.RowProducts / 4 * ShufflesOfFourRows / Shuffles(loop) : _trips.GetValueOrDefault(loop.First, 1)
        : !IsOfSquares(loop) ? _trips.GetValueOrDefault(loop.First, 1)
        : Stores(loop) > 0 ? _pass.Squares(work.Warp, _headSize)
        : (int)(_pass.SquareMultiplyAdds(rounds[_main.First] - 1) / MultiplyAdds(loop)));

    // A loop of copies may be left in the middle: what counts there are chunks, not rounds.
    private void CountRounds(int at, int previous, Dictionary<int, int> rounds)
    {
        foreach (MachineLoop loop in _graph.Loops)
        {
            bool copies = loop.Last < _main.First && Chunks(loop) > 0 && !IsOfRowProducts(loop);
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

    // δ's: before the steps no other loop sums over lanes.
    private bool IsOfRowProducts(MachineLoop loop) => loop.Last < _main.First && Shuffles(loop) > 0 && _other != loop;

    // A whole head's gradQ is stored within the steps; nothing else is.
    private bool IsOfSquares(MachineLoop loop) => _pass.IsWholeHead && _graph.Loops.Any(outer => _main.Contains(outer) && Stores(outer) > 0 && (outer == loop || outer.Contains(loop)));

    private int Shuffles(MachineLoop loop) => Named(loop.First, loop.Last, "SHFL");

    private int Stores(MachineLoop loop) => Named(loop.First, loop.Last, "STG");

    private int Chunks(MachineLoop loop) => Enumerable.Range(loop.First, loop.Count).Count(i => IsChunk(_graph.Code[i]));

    private static bool IsChunk(MachineInstruction instruction) => instruction is { Name: "LDG" or "LDGSTS", Bytes: 16 };

    private BranchKind KindOf(int at, int target)
    {
        if (target <= at)
        {
            return BranchKind.Back;
        }

        if (_other is MachineLoop other && at < other.First && target > other.Last && (_main.First > other.Last || target <= _main.First))
        {
            return BranchKind.OverOtherPass;
        }

        if (target <= _main.First && Named(at, target - 1, "SHFL") > ShufflesOfFourRows)
        {
            return BranchKind.OverRowProducts;
        }

        MachineLoop inner = InnermostOf(at);
        if (inner.Count > 1 && target > inner.Last)
        {
            return BranchKind.Out;
        }

        if (at < _main.First || at > _main.Last || (inner != _main && IsOfSquares(inner)))
        {
            return BranchKind.Passed;
        }

        int length = target - at;
        return Count(at, target - 1, Pipe.Tensor) > 0 ? Named(at, target - 1, "STG") > 0 ? BranchKind.OverFinish : BranchKind.OverStep
            : _pass.Products == 2 && target <= _main.Last && Named(at, target - 1, "SHFL") > 0 ? BranchKind.OverScaling
            : Named(at, target - 1, "FSEL") + Named(at, target - 1, "SEL") >= 8 ? BranchKind.OverMask
            : Named(at, target - 1, "FMUL") > length / 2 ? BranchKind.OverScaling
            : Named(at, target - 1, "LDGSTS") > 0 ? BranchKind.OverCopy
            : target <= _main.Last && Named(target, BlockEnd(target), "LDGSTS") > 0 ? BranchKind.ToCopy
            : BranchKind.Passed;
    }

    private int BlockEnd(int first) => _graph.Blocks.First(block => block.First == first).Last;

    private void CountTrips()
    {
        MachineLoop[] products = [.. _graph.Loops.Where(loop => _main.Contains(loop) && Count(loop.First, loop.Last, Pipe.Tensor) > 0)];
        double squares = products.Where(loop => IsOfSquares(loop) && Stores(loop) > 0).Sum(MultiplyAdds);
        products = [.. products.Where(loop => !IsOfSquares(loop))];
        double inside = products.Sum(MultiplyAdds);
        double rest = _pass.StepMultiplyAdds(_headSize) - (MultiplyAdds(_main) - squares - inside);
        foreach (MachineLoop loop in products)
        {
            _trips[loop.First] = _parts is null
                ? (int)Math.Round(rest / inside)
                : (int)Math.Round(_pass.StepMultiplyAdds(_headSize) / _pass.Products / MultiplyAdds(loop));
        }

        foreach (MachineLoop loop in _graph.Loops.Where(loop => loop.Last < _main.First))
        {
            _trips[loop.First] = Chunks(loop) == 0 ? 1 : _pass.ChunksPerThread(_headSize);
        }
    }

    private double MultiplyAdds(MachineLoop loop) =>
        Enumerable.Range(loop.First, loop.Count).Sum(i => MachineModel.PipeOf(_graph.Code[i]) == Pipe.Tensor ? MachineModel.MultiplyAdds(_graph.Code[i]) : 0);

    private int Count(int first, int last, Pipe pipe) => Enumerable.Range(first, last - first + 1).Count(i => MachineModel.PipeOf(_graph.Code[i]) == pipe);

    private int Named(int first, int last, string name) => Enumerable.Range(first, last - first + 1).Count(i => _graph.Code[i].Name == name);

    /// <summary>What one warp has to do.</summary>
    /// <param name="OwnFirst">First of its rows.</param>
    /// <param name="Warp">Its place in the block.</param>
    /// <param name="RowProducts">Rows of which it makes δ.</param>
    /// <param name="Steps">First rows of the block's steps.</param>
    private readonly record struct WarpWork(int OwnFirst, int Warp, int RowProducts, int[] Steps);
}
