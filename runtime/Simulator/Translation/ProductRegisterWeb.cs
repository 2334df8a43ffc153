using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Tensor;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>
/// The registers that warpgroup products use, and those that are moved to or from such: whoever touches them while a product is under way
/// is found out. Each has a number.
/// </summary>
internal sealed class ProductRegisterWeb
{
    private readonly Dictionary<int, int> _numbers = [];

    internal ProductRegisterWeb(IReadOnlyList<PtxInstruction> instructions)
    {
        foreach (PtxInstruction product in instructions.Where(IsProduct))
        {
            foreach (PtxOperand operand in product.Operands.Take(2).Where(operand => operand.Kind == PtxOperandKind.Vector))
            {
                foreach (PtxRegister register in RegisterAllocator.RegistersOf(operand))
                {
                    Add(register);
                }
            }
        }

        for (int before = -1; before != Count;)
        {
            before = Count;
            foreach (PtxInstruction move in instructions.Where(IsMove))
            {
                (PtxRegister to, PtxRegister from) = (move.Operands[0].Register!, move.Operands[1].Register!);
                if (_numbers.ContainsKey(to.Index) || _numbers.ContainsKey(from.Index))
                {
                    Add(to);
                    Add(from);
                }
            }
        }
    }

    internal int Count => _numbers.Count;

    internal static bool IsProduct(PtxInstruction instruction) => instruction.Opcode == "wgmma" && instruction.Has("mma_async");

    /// <summary>Whether it moves one register to another, whole.</summary>
    internal static bool IsMove(PtxInstruction instruction) => instruction.Opcode == "mov"
        && instruction.Operands is [{ Kind: PtxOperandKind.Register }, { Kind: PtxOperandKind.Register }];

    /// <summary>The numbers of an operand's registers, of those that have one.</summary>
    internal int[] NumbersOf(PtxOperand operand) =>
        [.. RegisterAllocator.RegistersOf(operand).Where(register => _numbers.ContainsKey(register.Index)).Select(register => _numbers[register.Index])];

    /// <summary>What an instruction touches of them; null for nothing.</summary>
    internal ProductAccess? AccessOf(PtxInstruction instruction)
    {
        var reads = new List<int>();
        var writes = new List<int>();
        for (int i = 0; i < instruction.Operands.Count; i++)
        {
            PtxOperand operand = instruction.Operands[i];
            bool isWritten = i == 0 && InstructionForms.DefinesFirstOperand(instruction) && operand.Kind != PtxOperandKind.Address;
            (isWritten ? writes : reads).AddRange(NumbersOf(operand));
        }

        return reads.Count + writes.Count == 0 ? null : new ProductAccess([.. reads], [.. writes]);
    }

    private void Add(PtxRegister register) => _numbers.TryAdd(register.Index, _numbers.Count);
}
