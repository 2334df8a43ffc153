using System;
using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Integer arithmetic.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private static nint F(delegate*<ulong, ulong, ulong, int, ulong> function) => (nint)function;

    private bool TranslateArithmetic(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        if (types.Count == 0 || types[^1].IsFloat() || types[^1] == PtxType.Pred)
        {
            return false;
        }

        PtxType type = types[^1];
        int mode = (int)InstructionModes.Mode(i) | IntegerFunctions.TypeBits(type.Size(), type.IsSigned());
        switch (i.Opcode)
        {
            case "add" or "sub" or "addc" or "subc" or "madc":
            case "mad" when i.Has("cc"):
                return AddOrSubtract(i, type, mode);
            case "mul":
                return Multiply(i, type, mode);
            case "mad":
                return MultiplyAdd(i, type, mode);
            case "mul24" or "mad24":
                return Multiply24(i, type, mode);
            case "div":
                return Integer(i, type, mode, F(&IntegerFunctions.Divide), 2, "");
            case "rem":
                return Integer(i, type, mode, F(&IntegerFunctions.Remainder), 2, "");
            case "abs":
                return Integer(i, type, mode, F(&IntegerFunctions.Absolute), 1, "");
            case "neg":
                return Integer(i, type, mode, F(&IntegerFunctions.Negate), 1, "");
            case "sad":
                return Integer(i, type, mode, F(&IntegerFunctions.SumOfAbsoluteDifferences), 3, "");
            case "min" or "max":
                return Extreme(i, type, mode);
            case "dp4a" or "dp2a":
                return DotProduct(i, types);
            default:
                return false;
        }
    }

    /// <summary>Any integer instruction by its bit function.</summary>
    private bool Integer(PtxInstruction i, PtxType type, int mode, nint function, int sources, string known)
    {
        InstructionModes.RequireKnown(kernel, i, known);
        Count(InstructionClass.Integer);
        Row a = Source(i, 1, type);
        Row b = sources > 1 ? Source(i, 2, type) : a;
        Map(Destination(i), a, b, sources > 2 ? Source(i, 3, type) : b, mode, function);
        return true;
    }

    private bool AddOrSubtract(PtxInstruction i, PtxType type, int mode)
    {
        if (i.Has("cc") || i.Opcode is "addc" or "subc" or "madc")
        {
            return WithCarry(i, type);
        }

        if (i.Has("sat") || type.Size() < 2)
        {
            nint function = i.Opcode == "add" ? F(&IntegerFunctions.Add) : F(&IntegerFunctions.Subtract);
            return Integer(i, type, mode, function, 2, "sat");
        }

        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Integer);
        Type lane = LaneType(type.Size());
        if (type is PtxType.F16x2)
        {
            return false;
        }

        VectorBinary((i.Opcode == "add" ? typeof(VectorAdd<>) : typeof(VectorSubtract<>)).MakeGenericType(lane), lane, Destination(i), Source(i, 1, type), Source(i, 2, type));
        return true;
    }

    private bool WithCarry(PtxInstruction i, PtxType type)
    {
        InstructionModes.RequireKnown(kernel, i, "cc lo hi");
        Count(InstructionClass.Integer);
        bool multiplies = i.Opcode is "mad" or "madc";
        int form = (i.Opcode is "addc" or "subc" or "madc" ? CarryLanes.ReadsCarry : 0)
            | (i.Has("cc") ? CarryLanes.WritesCarry : 0)
            | (i.Opcode is "sub" or "subc" ? CarryLanes.Subtracts : 0)
            | (multiplies ? (i.Has("hi") ? CarryLanes.MultipliesHigh : CarryLanes.MultipliesLow) : 0)
            | (type.IsSigned() ? CarryLanes.Signed : 0);
        Row carry = new(kernel.Registers.CarryOffset, false, 0);
        Row a = Source(i, 1, type);
        Row b = Source(i, 2, type);
        _code.Pointer(Destination(i)).Pointer(a).Pointer(b).Pointer(multiplies ? Source(i, 3, type) : b).Pointer(carry)
            .Integer(type.Size()).Integer(form).Mask().Call(Static(typeof(CarryLanes), nameof(CarryLanes.Run)));
        return true;
    }

    private bool Multiply(PtxInstruction i, PtxType type, int mode)
    {
        if (i.Has("wide"))
        {
            if (type.Size() != 4)
            {
                return Integer(i, type, mode, F(&IntegerFunctions.MultiplyWide), 2, "wide");
            }

            Count(InstructionClass.Integer);
            _code.Pointer(Destination(i)).Pointer(Source(i, 1, type)).Pointer(Source(i, 2, type)).Mask()
                .Call(Static(typeof(WideLanes), type.IsSigned() ? nameof(WideLanes.MultiplySigned) : nameof(WideLanes.MultiplyUnsigned)));
            return true;
        }

        if (i.Has("hi"))
        {
            return Integer(i, type, mode, F(&IntegerFunctions.MultiplyHigh), 2, "hi");
        }

        InstructionModes.RequireKnown(kernel, i, "lo");
        Count(InstructionClass.Integer);
        Type lane = LaneType(type.Size());
        VectorBinary(typeof(VectorMultiply<>).MakeGenericType(lane), lane, Destination(i), Source(i, 1, type), Source(i, 2, type));
        return true;
    }

    private bool MultiplyAdd(PtxInstruction i, PtxType type, int mode)
    {
        if (i.Has("wide"))
        {
            InstructionModes.RequireKnown(kernel, i, "wide");
            Count(InstructionClass.Integer);
            PtxType wide = type.Size() == 4 ? PtxType.U64 : PtxType.U32;
            Row a = Source(i, 1, type);
            Row b = Source(i, 2, type);
            Row c = Source(i, 3, wide);
            if (type.Size() != 4)
            {
                Map(Destination(i), a, b, c, mode, F(&IntegerFunctions.MultiplyAddWide));
                return true;
            }

            _code.Pointer(Destination(i)).Pointer(a).Pointer(b).Pointer(c).Mask()
                .Call(Static(typeof(WideLanes), type.IsSigned() ? nameof(WideLanes.MultiplyAddSigned) : nameof(WideLanes.MultiplyAddUnsigned)));
            return true;
        }

        if (i.Has("hi"))
        {
            return Integer(i, type, mode, F(&IntegerFunctions.MultiplyAddHigh), 3, "hi sat");
        }

        InstructionModes.RequireKnown(kernel, i, "lo");
        Count(InstructionClass.Integer);
        Type lane = LaneType(type.Size());
        VectorTernary(typeof(VectorMultiplyAdd<>).MakeGenericType(lane), lane, Destination(i), Source(i, 1, type), Source(i, 2, type), Source(i, 3, type));
        return true;
    }

    private bool Multiply24(PtxInstruction i, PtxType type, int mode)
    {
        if (i.Opcode == "mul24")
        {
            return Integer(i, type, mode, i.Has("hi") ? F(&IntegerFunctions.Multiply24High) : F(&IntegerFunctions.Multiply24Low), 2, "lo hi");
        }

        return Integer(i, type, mode, F(&IntegerFunctions.MultiplyAdd24Low), 3, "lo");
    }

    private bool Extreme(PtxInstruction i, PtxType type, int mode)
    {
        bool minimum = i.Opcode == "min";
        if (i.Has("relu"))
        {
            return Integer(i, type, mode, minimum ? F(&IntegerFunctions.Minimum) : F(&IntegerFunctions.Maximum), 2, "relu");
        }

        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Integer);
        Type lane = LaneType(type);
        VectorBinary((minimum ? typeof(VectorMinimum<>) : typeof(VectorMaximum<>)).MakeGenericType(lane), lane, Destination(i), Source(i, 1, type), Source(i, 2, type));
        return true;
    }

    private bool DotProduct(PtxInstruction i, List<PtxType> types)
    {
        if (types.Count != 2)
        {
            return false;
        }

        int mode = (types[0].IsSigned() ? IntegerFunctions.SignedBit : 0)
            | (types[1].IsSigned() ? IntegerFunctions.SignedBit << 1 : 0)
            | (i.Has("hi") ? IntegerFunctions.SignedBit << 2 : 0);
        return Integer(i, PtxType.U32, mode, i.Opcode == "dp4a" ? F(&IntegerFunctions.DotProduct4) : F(&IntegerFunctions.DotProduct2), 3, "lo hi");
    }
}
