using System;
using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Logic, shifts, bit fields and bytes.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private bool TranslateBits(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        PtxType type = types.Count > 0 ? types[^1] : PtxType.B32;
        int mode = (int)InstructionModes.Mode(i) | IntegerFunctions.TypeBits(type.Size(), type.IsSigned());
        switch (i.Opcode)
        {
            case "and" or "or" or "xor" or "not" when type == PtxType.Pred:
                return PredicateLogic(i);
            case "and":
                return Logic(i, type, typeof(VectorAnd<>));
            case "or":
                return Logic(i, type, typeof(VectorOr<>));
            case "xor":
                return Logic(i, type, typeof(VectorXor<>));
            case "not":
                InstructionModes.RequireKnown(kernel, i, "");
                Count(InstructionClass.Integer);
                VectorUnary(typeof(VectorNot<>).MakeGenericType(LaneType(type.Size())), LaneType(type.Size()), Destination(i), Source(i, 1, type));
                return true;
            case "cnot":
                return Integer(i, type, mode, F(&BitFieldFunctions.LogicalNot), 1, "");
            case "lop3":
                return Logic3(i);
            case "shl" or "shr":
                return Shift(i, type, mode);
            case "shf":
                return Funnel(i, mode);
            case "popc":
                return Integer(i, type, mode, F(&BitFieldFunctions.PopulationCount), 1, "");
            case "clz":
                return Integer(i, type, mode, F(&BitFieldFunctions.LeadingZeros), 1, "");
            case "brev":
                return Integer(i, type, mode, F(&BitFieldFunctions.Reverse), 1, "");
            case "bfind":
                return Integer(i, type, mode, F(&BitFieldFunctions.FindLeading), 1, "shiftamt");
            case "bfe":
                return FieldOperation(i, type, mode, F(&BitFieldFunctions.Extract));
            case "bfi":
                return InsertField(i, type, mode);
            case "bmsk":
                return Integer(i, type, mode & ~(int)OperationMode.Saturate, F(&BitFieldFunctions.Mask), 2, "wrap clamp");
            case "szext":
                return Integer(i, type, mode, F(&BitFieldFunctions.Extend), 2, "wrap clamp");
            case "prmt":
                return Permute(i);
            case "copysign":
                return Integer(i, type, mode, F(&BitFieldFunctions.CopySign), 2, "");
            default:
                return false;
        }
    }

    private bool PredicateLogic(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Comparison);
        (Row a, bool negatedA) = Predicate(i, Operand(i, 1));
        (Row b, bool negatedB) = i.Opcode == "not" ? (a, negatedA) : Predicate(i, Operand(i, 2));
        int combine = i.Opcode switch { "and" => Predicates.And, "or" => Predicates.Or, "xor" => Predicates.Xor, _ => Predicates.Keep };
        _code.Pointer(Destination(i)).Predicate(a, negatedA != (i.Opcode == "not")).Predicate(b, negatedB).Integer(combine).Mask()
            .Call(Static(typeof(Predicates), nameof(Predicates.Logic)));
        return true;
    }

    private bool Logic(PtxInstruction i, PtxType type, Type operation)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Integer);
        Type lane = LaneType(type.Size());
        VectorBinary(operation.MakeGenericType(lane), lane, Destination(i), Source(i, 1, type), Source(i, 2, type));
        return true;
    }

    private bool Logic3(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        PtxOperand table = Operand(i, 4);
        if (table.Kind != PtxOperandKind.Integer || Operand(i, 0).Kind == PtxOperandKind.Pair)
        {
            return false;
        }

        Count(InstructionClass.Integer);
        Map(Destination(i), Source(i, 1, PtxType.B32), Source(i, 2, PtxType.B32), Source(i, 3, PtxType.B32), (int)(table.Bits & 0xFF) << 16, F(&BitFieldFunctions.Logic3));
        return true;
    }

    private bool Shift(PtxInstruction i, PtxType type, int mode)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        bool left = i.Opcode == "shl";
        PtxOperand count = Operand(i, 2);
        if (count.Kind == PtxOperandKind.Integer && count.Bits < (ulong)(8 * type.Size()))
        {
            Count(InstructionClass.Integer);
            Type lane = left ? LaneType(type.Size()) : LaneType(type);
            _code.Pointer(Destination(i)).Pointer(Source(i, 1, type)).Integer((int)count.Bits).Mask()
                .Call(Static(typeof(WideLanes), left ? nameof(WideLanes.ShiftLeft) : nameof(WideLanes.ShiftRight)).MakeGenericMethod(lane));
            return true;
        }

        Count(InstructionClass.Integer);
        Row amount = Source(i, count, PtxType.U32);
        Map(Destination(i), Source(i, 1, type), amount, mode, left ? F(&BitFieldFunctions.ShiftLeft) : F(&BitFieldFunctions.ShiftRight));
        return true;
    }

    private bool Funnel(PtxInstruction i, int mode)
    {
        InstructionModes.RequireKnown(kernel, i, "l r wrap clamp");
        Count(InstructionClass.Integer);
        Map(
            Destination(i),
            Source(i, 1, PtxType.B32),
            Source(i, 2, PtxType.B32),
            Source(i, 3, PtxType.U32),
            mode,
            i.Has("l") ? F(&BitFieldFunctions.FunnelLeft) : F(&BitFieldFunctions.FunnelRight));
        return true;
    }

    private bool FieldOperation(PtxInstruction i, PtxType type, int mode, nint function)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Integer);
        Map(Destination(i), Source(i, 1, type), Source(i, 2, PtxType.U32), Source(i, 3, PtxType.U32), mode, function);
        return true;
    }

    private bool InsertField(PtxInstruction i, PtxType type, int mode)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Integer);
        _code.Pointer(Destination(i)).Pointer(Source(i, 1, type)).Pointer(Source(i, 2, type)).Pointer(Source(i, 3, PtxType.U32))
            .Pointer(Source(i, 4, PtxType.U32)).Integer(type.Size()).Integer(mode).Mask().Call(Static(typeof(BitLanes), nameof(BitLanes.InsertField)));
        return true;
    }

    private bool Permute(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "f4e b4e rc8 ecl ecr rc16");
        int form = 0;
        foreach (string modifier in i.Modifiers)
        {
            form = modifier switch { "f4e" => 1, "b4e" => 2, "rc8" => 3, "ecl" => 4, "ecr" => 5, "rc16" => 6, _ => form };
        }

        Count(InstructionClass.Integer);
        Map(Destination(i), Source(i, 1, PtxType.B32), Source(i, 2, PtxType.B32), Source(i, 3, PtxType.B32), form << 16, F(&BitFieldFunctions.Permute));
        return true;
    }
}
