using System;
using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>
/// Gives each register its row. A register that lives inside one block alone shares rows with others of its width, so that the rows in use
/// stay in the processor's first cache; lanes are apart in every row, so that splits at different blocks do not disturb each other.
/// </summary>
internal sealed class RegisterAllocator
{
    private const int PredicateBytes = 4;
    private readonly int[] _offsets;
    private readonly PtxType[] _types;
    private int _bytes;

    internal RegisterAllocator(BasicBlock[] blocks, int registerCount)
    {
        _offsets = new int[registerCount];
        _types = new PtxType[registerCount];
        Array.Fill(_offsets, -1);
        _bytes = SpecialRegisters.Bytes;
        CarryOffset = Take(PredicateBytes);
        ScratchOffset = Take(PredicateBytes);
        int[] home = FindHomes(blocks, registerCount);
        for (int r = 0; r < registerCount; r++)
        {
            if (home[r] == Shared)
            {
                _offsets[r] = Take(RowBytes(_types[r]));
            }
        }

        int localStart = (_bytes + 63) / 64 * 64;
        int most = localStart;
        foreach (BasicBlock block in blocks)
        {
            most = Math.Max(most, AllocateLocals(block, home, localStart));
        }

        Bytes = (most + 63) / 64 * 64;
    }

    private const int Unseen = -1;
    private const int Shared = -2;

    internal int Bytes { get; }

    /// <summary>The row of the carry flag of add.cc and its kin: a predicate.</summary>
    internal int CarryOffset { get; }

    /// <summary>A predicate that lives inside one instruction.</summary>
    internal int ScratchOffset { get; }

    internal Row RowOf(PtxRegister register) => new(_offsets[register.Index], false, register.Type == PtxType.Pred ? 0 : register.Type.Size());

    /// <summary>The registers of an operand, elements of vectors and bases of addresses included.</summary>
    internal static IEnumerable<PtxRegister> RegistersOf(PtxOperand operand)
    {
        if (operand.Register is not null)
        {
            yield return operand.Register;
        }

        foreach (PtxOperand element in operand.Elements)
        {
            foreach (PtxRegister register in RegistersOf(element))
            {
                yield return register;
            }
        }
    }

    private static int RowBytes(PtxType type) => type == PtxType.Pred ? PredicateBytes : Warp.Lanes * type.Size();

    private int Take(int bytes)
    {
        // Rows start on a cache line; predicates pack.
        _bytes = bytes >= 64 ? (_bytes + 63) / 64 * 64 : _bytes;
        int at = _bytes;
        _bytes += bytes;
        return at;
    }

    /// <summary>For each register the one block that it lives in, or Shared.</summary>
    private int[] FindHomes(BasicBlock[] blocks, int registerCount)
    {
        var home = new int[registerCount];
        Array.Fill(home, Unseen);
        foreach (BasicBlock block in blocks)
        {
            foreach (PtxInstruction instruction in block.Instructions)
            {
                if (instruction.Guard is not null)
                {
                    See(home, instruction.Guard, block.Index, isDefinition: false);
                }

                for (int i = instruction.Operands.Count - 1; i >= 0; i--)
                {
                    bool defines = i == 0 && instruction.Guard is null && InstructionForms.DefinesFirstOperand(instruction);
                    bool inAddress = instruction.Operands[i].Kind == PtxOperandKind.Address;
                    foreach (PtxRegister register in RegistersOf(instruction.Operands[i]))
                    {
                        See(home, register, block.Index, defines && !inAddress);
                    }
                }
            }
        }

        return home;
    }

    private void See(int[] home, PtxRegister register, int block, bool isDefinition)
    {
        _types[register.Index] = register.Type;
        ref int place = ref home[register.Index];
        if (place == Unseen)
        {
            place = isDefinition && register.Type != PtxType.Pred ? block : Shared;
        }
        else if (place != block)
        {
            place = Shared;
        }
    }

    private int AllocateLocals(BasicBlock block, int[] home, int start)
    {
        var lastUse = new Dictionary<int, int>();
        for (int i = 0; i < block.Instructions.Count; i++)
        {
            foreach (PtxOperand operand in block.Instructions[i].Operands)
            {
                foreach (PtxRegister register in RegistersOf(operand))
                {
                    if (home[register.Index] == block.Index)
                    {
                        lastUse[register.Index] = i;
                    }
                }
            }
        }

        var free = new Dictionary<int, Stack<int>>();
        int end = start;
        for (int i = 0; i < block.Instructions.Count; i++)
        {
            foreach (PtxOperand operand in block.Instructions[i].Operands)
            {
                foreach (PtxRegister register in RegistersOf(operand))
                {
                    if (home[register.Index] == block.Index && _offsets[register.Index] < 0)
                    {
                        int bytes = RowBytes(register.Type);
                        if (free.TryGetValue(bytes, out Stack<int>? rows) && rows.TryPop(out int row))
                        {
                            _offsets[register.Index] = row;
                        }
                        else
                        {
                            _offsets[register.Index] = end;
                            end += bytes;
                        }
                    }
                }
            }

            // Freed after the instruction: a destination never shares a row with one of its own sources.
            Release(block.Instructions[i], i, lastUse, home, block.Index, free);
        }

        return end;
    }

    private void Release(PtxInstruction instruction, int at, Dictionary<int, int> lastUse, int[] home, int block, Dictionary<int, Stack<int>> free)
    {
        var released = new HashSet<int>();
        foreach (PtxOperand operand in instruction.Operands)
        {
            foreach (PtxRegister register in RegistersOf(operand))
            {
                if (home[register.Index] == block && lastUse[register.Index] == at && released.Add(register.Index))
                {
                    int bytes = RowBytes(register.Type);
                    if (!free.TryGetValue(bytes, out Stack<int>? rows))
                    {
                        free[bytes] = rows = new Stack<int>();
                    }

                    rows.Push(_offsets[register.Index]);
                }
            }
        }
    }
}
