using System;
using System.Collections.Generic;
using System.Reflection;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Writes the code of instructions: this part has the operands and the choice by family; the families are in the other parts.</summary>
internal sealed partial class InstructionTranslator(KernelTranslator kernel, IReadOnlyCollection<PtxVariable> stack)
{
    private BlockEmitter _code = null!;
    private BasicBlock _block = null!;

    internal BlockEmitter Translate(BasicBlock block)
    {
        _block = block;
        _code = new BlockEmitter($"{kernel.KernelName}#{block.Index}");
        foreach (PtxInstruction instruction in block.Instructions)
        {
            block.InstructionCount++;
            if (instruction.Opcode is "bra" or "brx" or "ret" or "exit")
            {
                Count(InstructionClass.Control);
                EndBlock(instruction);
                return _code;
            }

            if (instruction.Guard is not null)
            {
                _code.Guard(kernel.Registers.RowOf(instruction.Guard), instruction.GuardNegated);
            }
            else
            {
                _code.Unguard();
            }

            TrackProducts(instruction);
            if (!Translate(instruction))
            {
                throw kernel.Unsupported(instruction, "an opcode that is not simulated");
            }
        }

        _code.Unguard();
        _code.Mask();
        return _code;
    }

    private void EndBlock(PtxInstruction instruction)
    {
        _code.Unguard();
        if (_block.Table is not null)
        {
            _block.TableIndex = Source(instruction, instruction.Operands[0], PtxType.U32);
        }

        if (instruction.Guard is not null)
        {
            _code.Guard(kernel.Registers.RowOf(instruction.Guard), instruction.GuardNegated);
        }

        _code.Mask();
    }

    private bool Translate(PtxInstruction i) =>
        TranslateArithmetic(i) || TranslateFloat(i) || TranslateBits(i) || TranslateCompare(i) || TranslateMove(i) || TranslateMemory(i)
        || TranslateWarp(i) || TranslateTensor(i) || TranslateWarpgroup(i) || TranslateAsync(i) || TranslateControl(i);

    private void Count(InstructionClass kind) => _block.ClassCounts[(int)kind]++;

    /// <summary>Counts floating-point operations of a type.</summary>
    private void CountOperations(PtxType type, int operations)
    {
        switch (type)
        {
            case PtxType.F32:
                Count(InstructionClass.Float32);
                _block.Float32Operations += operations;
                break;
            case PtxType.F64:
                Count(InstructionClass.Float64);
                _block.Float64Operations += operations;
                break;
            default:
                Count(InstructionClass.Float16);
                _block.Float16Operations += operations * (type is PtxType.F16x2 or PtxType.BF16x2 ? 2 : 1);
                break;
        }
    }

    /// <summary>The last type that the instruction names.</summary>
    private PtxType TypeOf(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        return types.Count > 0 ? types[^1] : throw kernel.Unsupported(i, "it names no type");
    }

    /// <summary>The row of an operand that is read as a type.</summary>
    private Row Source(PtxInstruction instruction, PtxOperand operand, PtxType type)
    {
        switch (operand.Kind)
        {
            case PtxOperandKind.Register:
                return kernel.Registers.RowOf(operand.Register!);
            case PtxOperandKind.Integer:
                return kernel.Constants.Get(type == PtxType.Pred ? operand.Bits & 1 : operand.Bits, type == PtxType.Pred ? 0 : type.Size());
            case PtxOperandKind.Float32:
                return kernel.Constants.Get(
                    type == PtxType.F64 ? FloatBits.Of((double)FloatBits.ToSingle(operand.Bits)) : operand.Bits, type.Size());
            case PtxOperandKind.Float64:
                return kernel.Constants.Get(
                    type is PtxType.F32 ? FloatBits.Of((float)FloatBits.ToDouble(operand.Bits)) : operand.Bits, type.Size());
            case PtxOperandKind.Variable:
                return kernel.Constants.Get(AddressOf(instruction, operand.Variable!) + operand.Bits, type.Size());
            case PtxOperandKind.SpecialRegister when SpecialRegisters.TryGetOffset(operand.Name!, out int offset):
                return new Row(offset, false, 4);
            default:
                throw kernel.Unsupported(instruction, $"an operand {operand.Name ?? operand.Kind.ToString()} in this place");
        }
    }

    private Row Source(PtxInstruction instruction, int operand, PtxType type) => Source(instruction, Operand(instruction, operand), type);

    private Row Destination(PtxInstruction instruction, PtxOperand operand) => operand.Kind switch
    {
        PtxOperandKind.Register => kernel.Registers.RowOf(operand.Register!),
        PtxOperandKind.Sink => Row.Sink,
        _ => throw kernel.Unsupported(instruction, $"a destination of the kind {operand.Kind}"),
    };

    private Row Destination(PtxInstruction instruction) => Destination(instruction, Operand(instruction, 0));

    private PtxOperand Operand(PtxInstruction instruction, int index) => index < instruction.Operands.Count
        ? instruction.Operands[index]
        : throw kernel.Unsupported(instruction, $"it has {instruction.Operands.Count} operands, too few");

    /// <summary>A predicate that is read: its row and whether it counts negated.</summary>
    private (Row Row, bool Negated) Predicate(PtxInstruction instruction, PtxOperand operand) => operand.Kind switch
    {
        PtxOperandKind.Register when operand.Register!.Type == PtxType.Pred => (kernel.Registers.RowOf(operand.Register), false),
        PtxOperandKind.NegatedPredicate => (kernel.Registers.RowOf(operand.Register!), true),
        PtxOperandKind.Integer => (kernel.Constants.Get(operand.Bits & 1, 0), false),
        _ => throw kernel.Unsupported(instruction, "an operand that should be a predicate"),
    };

    /// <summary>A variable's address in its own space; a kernel parameter's in its window.</summary>
    private ulong AddressOf(PtxInstruction instruction, PtxVariable variable)
    {
        if (!kernel.TryGetAddress(variable, out ulong address))
        {
            throw kernel.Unsupported(instruction, $"the variable {variable.Name} is declared but has no place");
        }

        return kernel.IsKernelParameter(variable) ? address + AddressSpaces.ParameterWindow : address;
    }

    /// <summary>Calls a bit function on up to three operands.</summary>
    private void Map(Row d, Row a, Row b, Row c, int mode, nint function)
    {
        if (d.IsSink)
        {
            return;
        }

        _code.Pointer(d).Pointer(a).Pointer(b).Pointer(c).Integer(BitLanes.Sizes(d.Size, a.Size, b.Size, c.Size)).Integer(mode).Native(function).Mask()
            .Call(s_map);
    }

    private void Map(Row d, Row a, int mode, nint function) => Map(d, a, a, a, mode, function);

    private void Map(Row d, Row a, Row b, int mode, nint function) => Map(d, a, b, b, mode, function);

    private void VectorUnary(Type operation, Type lane, Row d, Row a) =>
        _code.Pointer(d).Pointer(a).Mask().Call(s_unary.MakeGenericMethod(operation, lane));

    private void VectorBinary(Type operation, Type lane, Row d, Row a, Row b) =>
        _code.Pointer(d).Pointer(a).Pointer(b).Mask().Call(s_binary.MakeGenericMethod(operation, lane));

    private void VectorTernary(Type operation, Type lane, Row d, Row a, Row b, Row c) =>
        _code.Pointer(d).Pointer(a).Pointer(b).Pointer(c).Mask().Call(s_ternary.MakeGenericMethod(operation, lane));

    private static readonly MethodInfo s_map = Static(typeof(BitLanes), nameof(BitLanes.Map));
    private static readonly MethodInfo s_unary = Static(typeof(VectorLanes), nameof(VectorLanes.Unary));
    private static readonly MethodInfo s_binary = Static(typeof(VectorLanes), nameof(VectorLanes.Binary));
    private static readonly MethodInfo s_ternary = Static(typeof(VectorLanes), nameof(VectorLanes.Ternary));

    private static MethodInfo Static(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;

    /// <summary>The .NET type of a lane of an integer type.</summary>
    private static Type LaneType(PtxType type) => (type.Size(), type.IsSigned()) switch
    {
        (2, false) => typeof(ushort),
        (2, true) => typeof(short),
        (4, false) => typeof(uint),
        (4, true) => typeof(int),
        (8, false) => typeof(ulong),
        _ => typeof(long),
    };

    /// <summary>The unsigned .NET type of a lane of that many bytes.</summary>
    private static Type LaneType(int size) => size switch { 2 => typeof(ushort), 4 => typeof(uint), _ => typeof(ulong) };
}
