using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Cuts a kernel into basic blocks, each waiting instruction at the head of one, and numbers them.</summary>
internal static class ControlFlow
{
    private static readonly HashSet<string> s_ends = ["bra", "brx", "ret", "exit"];

    /// <summary>A longer method would be compiled without optimisation.</summary>
    private const int LongestBlock = 800;

    internal static BasicBlock[] Build(IReadOnlyList<PtxInstruction> instructions, IReadOnlyDictionary<string, IReadOnlyList<string>> tables, string kernel)
    {
        var blocks = new List<BasicBlock> { new() };
        var labels = new Dictionary<string, int>();
        var opens = true;
        foreach (PtxInstruction instruction in instructions)
        {
            bool waits = instruction.Label is null && SyncOf(instruction) != SyncKind.None;
            if (!opens && (instruction.Label is not null || waits || blocks[^1].Instructions.Count >= LongestBlock))
            {
                blocks.Add(new BasicBlock());
            }

            BasicBlock block = blocks[^1];
            if (instruction.Label is not null)
            {
                labels[instruction.Label] = blocks.Count - 1;
                opens = block.Instructions.Count == 0;
                continue;
            }

            block.Instructions.Add(instruction);
            block.Sync = waits ? SyncOf(instruction) : block.Sync;
            opens = false;
            if (s_ends.Contains(instruction.Opcode))
            {
                blocks.Add(new BasicBlock());
                opens = true;
            }
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            Connect(blocks[i], i + 1 < blocks.Count ? i + 1 : BasicBlock.Exit, labels, tables, kernel);
        }

        return Renumber(blocks);
    }

    internal static SyncKind SyncOf(PtxInstruction instruction) => instruction.Opcode switch
    {
        "bar" or "barrier" when instruction.Has("warp") => SyncKind.Lanes,
        "bar" or "barrier" when instruction.Has("cluster") => SyncKind.None,
        "bar" or "barrier" => SyncKind.Barrier,
        "shfl" or "vote" or "match" or "redux" or "elect" => SyncKind.Lanes,
        "mma" or "ldmatrix" or "stmatrix" or "wgmma" => SyncKind.Warp,
        _ => SyncKind.None,
    };

    private static void Connect(
        BasicBlock block, int following, Dictionary<string, int> labels, IReadOnlyDictionary<string, IReadOnlyList<string>> tables, string kernel)
    {
        PtxInstruction? last = block.Instructions.LastOrDefault();
        block.Next = following;
        block.Target = following;
        if (last is null || !s_ends.Contains(last.Opcode))
        {
            return;
        }

        block.IsConditional = last.Guard is not null;
        switch (last.Opcode)
        {
            case "ret" or "exit":
                block.Target = BasicBlock.Exit;
                break;
            case "bra":
                block.Target = Find(last.Operands.Count == 1 ? last.Operands[0].Name : null, last, labels, kernel);
                break;
            default:
                if (last.Guard is not null || last.Operands.Count != 2 || !tables.TryGetValue(last.Operands[1].Name ?? "", out IReadOnlyList<string>? targets))
                {
                    throw new UnsupportedInstructionException(last.FullName, kernel, last.Place, "a jump through a table needs .branchtargets and no guard");
                }

                block.Table = [.. targets.Select(t => Find(t, last, labels, kernel))];
                break;
        }
    }

    private static int Find(string? label, PtxInstruction branch, Dictionary<string, int> labels, string kernel) =>
        label is not null && labels.TryGetValue(label, out int block)
            ? block
            : throw new UnsupportedInstructionException(branch.FullName, kernel, branch.Place, $"there is no label '{label}'");

    private static BasicBlock[] Renumber(List<BasicBlock> blocks)
    {
        int[] order = BlockOrdering.Order(blocks);
        var place = new int[blocks.Count];
        System.Array.Fill(place, BasicBlock.Exit);
        for (int i = 0; i < order.Length; i++)
        {
            place[order[i]] = i;
        }

        var result = new BasicBlock[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            BasicBlock block = blocks[order[i]];
            block.Index = i;
            block.Target = block.Target == BasicBlock.Exit ? BasicBlock.Exit : place[block.Target];
            block.Next = block.Next == BasicBlock.Exit ? BasicBlock.Exit : place[block.Next];
            block.Table = block.Table?.Select(t => place[t]).ToArray();
            result[i] = block;
        }

        return result;
    }
}
