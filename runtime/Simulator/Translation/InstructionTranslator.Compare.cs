using System;
using System.Collections.Generic;
using System.Reflection;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Comparisons and selections.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private static readonly Dictionary<string, int> s_comparisons = new()
    {
        ["eq"] = ComparisonFunctions.Equal,
        ["ne"] = ComparisonFunctions.NotEqual,
        ["lt"] = ComparisonFunctions.Less,
        ["le"] = ComparisonFunctions.LessOrEqual,
        ["gt"] = ComparisonFunctions.Greater,
        ["ge"] = ComparisonFunctions.GreaterOrEqual,
        ["lo"] = ComparisonFunctions.Less,
        ["ls"] = ComparisonFunctions.LessOrEqual,
        ["hi"] = ComparisonFunctions.Greater,
        ["hs"] = ComparisonFunctions.GreaterOrEqual,
        ["equ"] = ComparisonFunctions.Equal | ComparisonFunctions.Unordered,
        ["neu"] = ComparisonFunctions.NotEqual | ComparisonFunctions.Unordered,
        ["ltu"] = ComparisonFunctions.Less | ComparisonFunctions.Unordered,
        ["leu"] = ComparisonFunctions.LessOrEqual | ComparisonFunctions.Unordered,
        ["gtu"] = ComparisonFunctions.Greater | ComparisonFunctions.Unordered,
        ["geu"] = ComparisonFunctions.GreaterOrEqual | ComparisonFunctions.Unordered,
        ["num"] = ComparisonFunctions.Number,
        ["nan"] = ComparisonFunctions.NotNumber,
    };

    private bool TranslateCompare(PtxInstruction i)
    {
        switch (i.Opcode)
        {
            case "setp":
                return SetPredicate(i);
            case "set":
                return SetValue(i);
            case "selp":
                return Select(i);
            case "slct":
                return SelectBySign(i);
            case "testp":
                return TestProperty(i);
            default:
                return false;
        }
    }

    private bool SetPredicate(PtxInstruction i)
    {
        PtxType type = TypeOf(i);
        if (type is PtxType.F16x2 or PtxType.BF16x2)
        {
            return SetPredicatePacked(i, type);
        }

        Count(InstructionClass.Comparison);
        Comparison(i, type, Source(i, 1, type), Source(i, 2, type));
        _code.StoreBits();
        PtxOperand target = Operand(i, 0);
        bool pair = target.Kind == PtxOperandKind.Pair;
        Row d = Destination(i, pair ? target.Elements[0] : target);
        Row complement = pair ? Destination(i, target.Elements[1]) : Row.Sink;
        WritePredicate(i, d, complement, 3);
        return true;
    }

    private bool SetPredicatePacked(PtxInstruction i, PtxType type)
    {
        Count(InstructionClass.Comparison);
        PtxOperand target = Operand(i, 0);
        if (target.Kind != PtxOperandKind.Pair)
        {
            return false;
        }

        PtxType half = type == PtxType.F16x2 ? PtxType.F16 : PtxType.BF16;
        nint function = half == PtxType.F16 ? F(&ComparisonFunctions.Halves) : F(&ComparisonFunctions.BFloat16s);
        int mode = (int)InstructionModes.Mode(i) | ComparisonFunctions.Code(ComparisonCode(i));
        for (int part = 0; part < 2; part++)
        {
            _code.Pointer(Source(i, 1, type)).Pointer(Source(i, 2, type)).Integer(16 * part).Integer(mode).Native(function).Mask()
                .Call(Static(typeof(BitLanes), nameof(BitLanes.TestPart))).StoreBits();
            WritePredicate(i, Destination(i, target.Elements[part]), Row.Sink, 3);
        }

        return true;
    }

    private void WritePredicate(PtxInstruction i, Row d, Row complement, int withOperand)
    {
        int combine = i.Has("and") ? Predicates.And : i.Has("or") ? Predicates.Or : i.Has("xor") ? Predicates.Xor : Predicates.Keep;
        if (d.IsSink)
        {
            d = complement;
            complement = Row.Sink;
            throw kernel.Unsupported(i, "a first destination that is a sink");
        }

        _code.LoadBits().Pointer(d).Pointer(complement);
        if (combine == Predicates.Keep)
        {
            _code.Integer(0);
        }
        else
        {
            (Row with, bool negated) = Predicate(i, Operand(i, withOperand));
            _code.Predicate(with, negated);
        }

        _code.Integer(combine).Mask().Call(Static(typeof(Predicates), nameof(Predicates.Write)));
    }

    /// <summary>Leaves the lanes for which the comparison holds on the stack (inactive lanes may be among them).</summary>
    private void Comparison(PtxInstruction i, PtxType type, Row a, Row b)
    {
        InstructionModes.RequireKnown(kernel, i, "ftz and or xor " + string.Join(' ', s_comparisons.Keys));
        int code = ComparisonCode(i);
        bool unsignedNames = i.Has("lo") || i.Has("ls") || i.Has("hi") || i.Has("hs");
        bool flush = i.Has("ftz");
        Type? lane = type switch
        {
            PtxType.F32 when !flush => typeof(float),
            PtxType.F64 => typeof(double),
            _ when type.IsFloat() => null,
            _ => unsignedNames ? LaneType(type.Size()) : LaneType(type),
        };
        if (lane is not null && code < ComparisonFunctions.Number | code >= ComparisonFunctions.Unordered)
        {
            _code.Pointer(a).Pointer(b).Call(s_compare.MakeGenericMethod(ComparisonType(code, lane), lane));
            return;
        }

        nint function = type switch
        {
            PtxType.F32 => F(&ComparisonFunctions.Singles),
            PtxType.F64 => F(&ComparisonFunctions.Doubles),
            PtxType.F16 => F(&ComparisonFunctions.Halves),
            PtxType.BF16 => F(&ComparisonFunctions.BFloat16s),
            _ => F(&ComparisonFunctions.Integers),
        };
        int mode = (int)InstructionModes.Mode(i) | ComparisonFunctions.Code(code);
        _code.Pointer(a).Pointer(b).Integer(BitLanes.Sizes(0, a.Size, b.Size, 0)).Integer(mode).Native(function).Mask()
            .Call(Static(typeof(BitLanes), nameof(BitLanes.Test)));
    }

    private static readonly MethodInfo s_compare = Static(typeof(VectorComparison), nameof(VectorComparison.Test));

    private int ComparisonCode(PtxInstruction i)
    {
        foreach (string modifier in i.Modifiers)
        {
            if (s_comparisons.TryGetValue(modifier, out int code))
            {
                return code;
            }
        }

        throw kernel.Unsupported(i, "no comparison is named");
    }

    private static Type ComparisonType(int code, Type lane)
    {
        // a < b or unordered is the same as not (a ≥ b).
        if ((code & ComparisonFunctions.Unordered) != 0)
        {
            int opposite = (code & 7) switch
            {
                ComparisonFunctions.Equal => ComparisonFunctions.NotEqual,
                ComparisonFunctions.NotEqual => ComparisonFunctions.Equal,
                ComparisonFunctions.Less => ComparisonFunctions.GreaterOrEqual,
                ComparisonFunctions.LessOrEqual => ComparisonFunctions.Greater,
                ComparisonFunctions.Greater => ComparisonFunctions.LessOrEqual,
                _ => ComparisonFunctions.Less,
            };
            return typeof(CompareNot<,>).MakeGenericType(OrderedComparison(opposite).MakeGenericType(lane), lane);
        }

        return OrderedComparison(code).MakeGenericType(lane);
    }

    /// <summary>Ordered comparisons: false where an operand is NaN, inequality too.</summary>
    private static Type OrderedComparison(int code) => code switch
    {
        ComparisonFunctions.Equal => typeof(CompareEqual<>),
        ComparisonFunctions.NotEqual => typeof(CompareNotEqual<>),
        ComparisonFunctions.Less => typeof(CompareLess<>),
        ComparisonFunctions.LessOrEqual => typeof(CompareLessOrEqual<>),
        ComparisonFunctions.Greater => typeof(CompareGreater<>),
        _ => typeof(CompareGreaterOrEqual<>),
    };

    /// <summary>set: all ones, or 1.0, where the comparison holds.</summary>
    private bool SetValue(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        if (types.Count != 2 || types[1] is PtxType.F16x2 or PtxType.BF16x2)
        {
            return false;
        }

        Count(InstructionClass.Comparison);
        Comparison(i, types[1], Source(i, 1, types[1]), Source(i, 2, types[1]));
        _code.StoreBits();
        Row scratch = new(kernel.Registers.ScratchOffset, false, 0);
        WritePredicate(i, scratch, Row.Sink, 3);
        ulong yes = types[0] switch
        {
            PtxType.F32 => 0x3F80_0000,
            PtxType.F16 => 0x3C00,
            PtxType.BF16 => 0x3F80,
            _ => ulong.MaxValue,
        };
        SelectRows(Destination(i), kernel.Constants.Get(yes, types[0].Size()), kernel.Constants.Get(0, types[0].Size()), scratch, false);
        return true;
    }

    private bool Select(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "");
        PtxType type = TypeOf(i);
        Count(InstructionClass.Comparison);
        (Row predicate, bool negated) = Predicate(i, Operand(i, 3));
        SelectRows(Destination(i), Source(i, 1, type), Source(i, 2, type), predicate, negated);
        return true;
    }

    private void SelectRows(Row d, Row a, Row b, Row predicate, bool negated) => _code.Pointer(d).Pointer(a).Pointer(b).Predicate(predicate, negated).Mask()
        .Call(Static(typeof(VectorLanes), nameof(VectorLanes.Select)).MakeGenericMethod(LaneType(d.Size)));

    private bool SelectBySign(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        InstructionModes.RequireKnown(kernel, i, "ftz");
        if (types.Count != 2 || types[1] is not (PtxType.S32 or PtxType.F32))
        {
            return false;
        }

        Count(InstructionClass.Comparison);
        int mode = (int)InstructionModes.Mode(i) | (types[1] == PtxType.F32 ? 1 << 25 : 0);
        Map(Destination(i), Source(i, 1, types[0]), Source(i, 2, types[0]), Source(i, 3, types[1]), mode, F(&BitFieldFunctions.SelectBySign));
        return true;
    }

    private bool TestProperty(PtxInstruction i)
    {
        PtxType type = TypeOf(i);
        InstructionModes.RequireKnown(kernel, i, "finite infinite number notanumber normal subnormal");
        int code = i.Modifiers[0] switch { "finite" => 0, "infinite" => 1, "number" => 2, "notanumber" => 3, "normal" => 4, _ => 5 };
        Count(InstructionClass.Comparison);
        Row a = Source(i, 1, type);
        int mode = IntegerFunctions.TypeBits(type.Size(), false) | ComparisonFunctions.Code(code);
        _code.Pointer(a).Pointer(a).Integer(BitLanes.Sizes(0, a.Size, a.Size, 0)).Integer(mode).Native(F(&ComparisonFunctions.Classify)).Mask()
            .Call(Static(typeof(BitLanes), nameof(BitLanes.Test))).StoreBits();
        WritePredicate(i, Destination(i), Row.Sink, 2);
        return true;
    }
}
