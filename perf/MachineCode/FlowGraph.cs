using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>Basic blocks and loops of a kernel.</summary>
internal sealed class FlowGraph
{
    private readonly ImmutableArray<MachineInstruction> _code;

    public FlowGraph(ImmutableArray<MachineInstruction> code)
    {
        _code = code;
        Blocks = BlocksOf(code);
        Loops = LoopsOf();
    }

    public ImmutableArray<MachineInstruction> Code => _code;

    /// <summary>First and last instruction of each, in the order of addresses.</summary>
    public ImmutableArray<(int First, int Last)> Blocks { get; }

    /// <summary>
    /// The innermost last. The compiler lays a loop out in one piece, closed by the branch back to its head: from the head to the last such
    /// branch is the loop. Out-of-line pieces of it, as of a slow logarithm, are not in it.
    /// </summary>
    public ImmutableArray<MachineLoop> Loops { get; }

    private static ImmutableArray<(int First, int Last)> BlocksOf(ImmutableArray<MachineInstruction> code)
    {
        var starts = new SortedSet<int> { 0 };
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i].Target >= 0)
            {
                starts.Add(code[i].Target);
            }

            if (i + 1 < code.Length && (code[i].IsBranch || code[i].IsExit))
            {
                starts.Add(i + 1);
            }
        }

        int[] firsts = [.. starts.Where(start => start < code.Length)];
        return [.. firsts.Select((first, i) => (first, (i + 1 < firsts.Length ? firsts[i + 1] : code.Length) - 1))];
    }

    private ImmutableArray<MachineLoop> LoopsOf()
    {
        // A branch to itself is what the assembler fills the end with.
        var ends = new SortedDictionary<int, int>();
        for (int i = 0; i < _code.Length; i++)
        {
            if (_code[i].IsBranch && _code[i].Target < i)
            {
                ends[_code[i].Target] = i;
            }
        }

        return [.. ends.Where(loop => IsEntered(loop.Key, loop.Value)).Select(loop => new MachineLoop(loop.Key, loop.Value))];
    }

    // A branch back from an out-of-line piece looks like a loop, but nothing goes from its head to it but by the exit.
    private bool IsEntered(int first, int last) => !_code.Skip(first).Take(last - first).Any(instruction => instruction.IsExit && instruction.Guard.Length == 0);
}
