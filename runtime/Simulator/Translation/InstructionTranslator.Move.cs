using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Moves, packing, conversions of numbers and of addresses.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private static readonly Dictionary<PtxType, int> s_kinds = new()
    {
        [PtxType.U8] = ConversionFunctions.U8,
        [PtxType.S8] = ConversionFunctions.S8,
        [PtxType.U16] = ConversionFunctions.U16,
        [PtxType.S16] = ConversionFunctions.S16,
        [PtxType.U32] = ConversionFunctions.U32,
        [PtxType.S32] = ConversionFunctions.S32,
        [PtxType.U64] = ConversionFunctions.U64,
        [PtxType.S64] = ConversionFunctions.S64,
        [PtxType.F16] = ConversionFunctions.F16,
        [PtxType.BF16] = ConversionFunctions.BF16,
        [PtxType.F32] = ConversionFunctions.F32,
        [PtxType.F64] = ConversionFunctions.F64,
        [PtxType.TF32] = ConversionFunctions.TF32,
    };

    private bool TranslateMove(PtxInstruction i)
    {
        switch (i.Opcode)
        {
            case "mov":
                return Move(i);
            case "cvta":
                return ConvertAddress(i);
            case "cvt":
                return Convert(i);
            case "isspacep":
                return IsInSpace(i);
            default:
                return false;
        }
    }

    private bool Move(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        Count(InstructionClass.Move);
        PtxType type = TypeOf(i);
        PtxOperand from = Operand(i, 1);
        PtxOperand to = Operand(i, 0);
        if (type == PtxType.Pred)
        {
            (Row predicate, bool negated) = Predicate(i, from);
            _code.Pointer(Destination(i)).Predicate(predicate, negated).Integer(0).Integer(Predicates.Keep).Mask()
                .Call(Static(typeof(Predicates), nameof(Predicates.Logic)));
            return true;
        }

        if (to.Kind == PtxOperandKind.Vector)
        {
            return Unpack(i, Source(i, from, type), to.Elements);
        }

        if (from.Kind == PtxOperandKind.Vector)
        {
            return Pack(i, Destination(i), from.Elements);
        }

        if (from.Kind == PtxOperandKind.SpecialRegister && !SpecialRegisters.TryGetOffset(from.Name!, out _))
        {
            return ReadClock(i, from.Name!);
        }

        CopyRow(Destination(i), Source(i, from, type));
        return true;
    }

    private void CopyRow(Row d, Row a)
    {
        if (d.IsSink)
        {
            return;
        }

        if (d.Size == a.Size)
        {
            VectorUnary(typeof(VectorCopy<>).MakeGenericType(LaneType(d.Size)), LaneType(d.Size), d, a);
        }
        else
        {
            Map(d, a, 0, F(&BitFieldFunctions.Copy));
        }
    }

    private bool Pack(PtxInstruction i, Row d, IReadOnlyList<PtxOperand> elements)
    {
        int size = d.Size / elements.Count;
        for (int e = 0; e < elements.Count; e++)
        {
            Row a = Source(i, elements[e], size switch { 1 => PtxType.B16, 2 => PtxType.B16, 4 => PtxType.B32, _ => PtxType.B64 });
            _code.Pointer(d).Integer(d.Size).Pointer(a).Integer(size).Integer(8 * size * e).Mask().Call(Static(typeof(WideLanes), nameof(WideLanes.Insert)));
        }

        return true;
    }

    private bool Unpack(PtxInstruction i, Row a, IReadOnlyList<PtxOperand> elements)
    {
        for (int e = 0; e < elements.Count; e++)
        {
            Row d = Destination(i, elements[e]);
            if (!d.IsSink)
            {
                _code.Pointer(d).Integer(d.Size).Pointer(a).Integer(a.Size).Integer(8 * a.Size / elements.Count * e).Mask()
                    .Call(Static(typeof(WideLanes), nameof(WideLanes.Extract)));
            }
        }

        return true;
    }

    /// <summary>The clocks count the warp's instructions: deterministic, and never going back.</summary>
    private bool ReadClock(PtxInstruction i, string name)
    {
        if (name is not ("%clock" or "%clock_hi" or "%clock64" or "%globaltimer" or "%globaltimer_lo" or "%globaltimer_hi"))
        {
            throw kernel.Unsupported(i, $"the special register {name}");
        }

        Row d = Destination(i);
        _code.Warp().Pointer(d).Integer(d.Size).Integer(name.EndsWith("_hi", System.StringComparison.Ordinal) ? 32 : 0).Mask()
            .Call(Static(typeof(WarpOperations), nameof(WarpOperations.ReadClock)));
        return true;
    }

    private bool ConvertAddress(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "to global shared shared::cta local const param");
        Count(InstructionClass.Move);
        ulong window = i.Has("shared") || i.Has("shared::cta") ? AddressSpaces.SharedWindow : i.Has("local") ? AddressSpaces.LocalWindow : 0;
        Row d = Destination(i);
        PtxType type = TypeOf(i);
        Row a = Source(i, 1, type);
        if (window == 0)
        {
            CopyRow(d, a);
            return true;
        }

        VectorBinary(i.Has("to") ? typeof(VectorSubtract<ulong>) : typeof(VectorAdd<ulong>), typeof(ulong), d, a, kernel.Constants.Get(window, 8));
        return true;
    }

    private bool IsInSpace(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "global shared shared::cta local const param");
        Count(InstructionClass.Comparison);
        Row a = Source(i, 1, PtxType.U64);
        int space = i.Has("shared") || i.Has("shared::cta") ? 1 : i.Has("local") ? 2 : i.Has("param") ? 3 : i.Has("const") ? 4 : 0;
        _code.Pointer(a).Pointer(a).Integer(BitLanes.Sizes(0, 8, 8, 0)).Integer(space).Native(F(&AddressFunctions.IsInSpace)).Mask()
            .Call(Static(typeof(BitLanes), nameof(BitLanes.Test))).StoreBits();
        WritePredicate(i, Destination(i), Row.Sink, 2);
        return true;
    }

    private bool Convert(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "rn rz rm rp rna rni rzi rmi rpi ftz sat relu satfinite");
        List<PtxType> types = InstructionModes.Types(i);
        if (types.Count != 2)
        {
            return false;
        }

        Count(InstructionClass.Conversion);
        (PtxType to, PtxType from) = (types[0], types[1]);
        int mode = (int)InstructionModes.Mode(i);
        Row d = Destination(i);
        if (to is PtxType.F16x2 or PtxType.BF16x2 && from == PtxType.F32)
        {
            int kind = to == PtxType.F16x2 ? ConversionFunctions.F16 : ConversionFunctions.BF16;
            Map(d, Source(i, 1, from), Source(i, 2, from), mode | ConversionFunctions.Kinds(s_kinds[from], kind), F(&ConversionFunctions.Pack));
            return true;
        }

        if (!s_kinds.TryGetValue(to, out int destination) || !s_kinds.TryGetValue(from, out int source))
        {
            return false;
        }

        Row a = Source(i, 1, from);
        bool rounds = (mode & (int)OperationMode.RoundingMask) != 0;
        if (FastConvert(from, to, mode, d, a))
        {
            return true;
        }

        bool wholeNumber = from.IsFloat() && to.IsFloat() && (i.Has("rni") || i.Has("rzi") || i.Has("rmi") || i.Has("rpi"));
        mode |= wholeNumber ? (int)OperationMode.Wrap : 0;
        mode |= rounds ? 0 : (int)OperationMode.RoundNearestEven;
        Map(d, a, mode | ConversionFunctions.Kinds(source, destination), F(&ConversionFunctions.Convert));
        return true;
    }

    /// <summary>The conversions of index arithmetic.</summary>
    private bool FastConvert(PtxType from, PtxType to, int mode, Row d, Row a)
    {
        string? method = (a.Size, d.Size, from, to) switch
        {
            (4, 8, PtxType.S32, PtxType.S64 or PtxType.U64) when mode == 0 => nameof(WideLanes.ExtendSigned),
            (4, 8, PtxType.U32, PtxType.U64 or PtxType.S64) when mode == 0 => nameof(WideLanes.ExtendUnsigned),
            (8, 4, PtxType.U64 or PtxType.S64, PtxType.U32 or PtxType.S32) when mode == 0 => nameof(WideLanes.Truncate),
            (4, 4, PtxType.S32, PtxType.F32) when mode == (int)OperationMode.RoundNearestEven => nameof(WideLanes.ConvertToSingle),
            _ => null,
        };
        if (method is null)
        {
            return false;
        }

        _code.Pointer(d).Pointer(a).Mask().Call(Static(typeof(WideLanes), method));
        return true;
    }
}
