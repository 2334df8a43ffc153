using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Where the code of each <see cref="StepPart"/> lies in the loop over the steps of a forward kernel, by its basic blocks with tensor
/// instructions: those that read tiles transposed make O, and do so beside exponentials where scores come before.
/// </summary>
internal sealed class StepParts
{
    private readonly FlowGraph _graph;
    private readonly MachineLoop _main;
    private readonly Dictionary<StepPart, HashSet<int>> _marks;
    private readonly Dictionary<(int From, StepPart Part), bool> _leads = [];

    /// <param name="graph">The code.</param>
    /// <param name="main">The loop over steps.</param>
    public StepParts(FlowGraph graph, MachineLoop main)
    {
        (_graph, _main) = (graph, main);
        _marks = new() { [StepPart.GoesOn] = [], [StepPart.Ends] = [], [StepPart.Begins] = [] };
        var scores = new List<int>();
        foreach ((int first, int last) in graph.Blocks.Where(block => block.First >= main.First && block.Last <= main.Last))
        {
            MachineInstruction[] block = [.. graph.Code.Skip(first).Take(last - first + 1)];
            if (block.Any(IsProduct))
            {
                bool makesOutput = block.Any(i => i.Name == "LDSM" && i.Has("MT88"));
                bool weighs = block.Any(i => i.Name == "MUFU");
                (makesOutput ? weighs ? _marks[StepPart.GoesOn] : (ICollection<int>)_marks[StepPart.Ends] : scores).Add(first);
            }
        }

        _marks[StepPart.Begins].UnionWith(scores.Where(at => !Find(at, StepPart.GoesOn)));
    }

    /// <summary>Whether there are such parts; else values are added with the scores of the same step.</summary>
    public bool AreSeparate => _marks.Values.All(marks => marks.Count > 0);

    /// <summary>Whether the step may come from an instruction to a part's products; to its end without any, for <see cref="StepPart.None"/>.</summary>
    public bool Leads(int from, StepPart part)
    {
        if (!_leads.TryGetValue((from, part), out bool leads))
        {
            _leads[(from, part)] = leads = Find(from, part);
        }

        return leads;
    }

    private bool Find(int from, StepPart part)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>([from]);
        while (open.TryPop(out int at))
        {
            bool isOver = at > _main.Last || _graph.Code[at].Target == _main.First;
            if (part == StepPart.None ? isOver : _marks[part].Contains(at))
            {
                return true;
            }

            MachineInstruction instruction = _graph.Code[at];
            if (isOver || !seen.Add(at) || (part == StepPart.None && IsProduct(instruction)))
            {
                continue;
            }

            // What goes back within the step is a loop of products, whose end is reached too.
            if (instruction.IsBranch && instruction.Target > at)
            {
                open.Push(instruction.Target);
            }

            if (!instruction.IsBranch || instruction.IsConditional)
            {
                open.Push(at + 1);
            }
        }

        return false;
    }

    private static bool IsProduct(MachineInstruction instruction) => MachineModel.PipeOf(instruction) == Pipe.Tensor;
}
