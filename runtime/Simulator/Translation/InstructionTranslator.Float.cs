using System;
using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Floating-point arithmetic of every width.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private const string FloatModifiers = "rn rz rm rp ftz sat relu NaN xorsign abs approx full";

    private bool TranslateFloat(PtxInstruction i)
    {
        List<PtxType> types = InstructionModes.Types(i);
        if (types.Count == 0 || !types[^1].IsFloat() || i.Opcode is "set" or "setp" or "cvt" or "testp" or "copysign" or "mov" or "selp" or "slct" or "ld" or "st" or "atom" or "red" or "mma" or "ldu")
        {
            return false;
        }

        PtxType type = types[^1];
        if (type == PtxType.F32 && TranslateFastSingle(i))
        {
            return true;
        }

        int mode = (int)InstructionModes.Mode(i);
        if ((mode & (int)OperationMode.RoundingMask) == 0)
        {
            mode |= (int)OperationMode.RoundNearestEven;
        }

        (nint function, int sources, int operations) = type switch
        {
            PtxType.F32 => SingleFunction(i),
            PtxType.F64 => DoubleFunction(i),
            PtxType.F16 => SmallFunction<HalfFormat>(i.Opcode),
            PtxType.BF16 => SmallFunction<BFloat16Format>(i.Opcode),
            PtxType.F16x2 => PackedFunction<HalfFormat>(i.Opcode),
            PtxType.BF16x2 => PackedFunction<BFloat16Format>(i.Opcode),
            _ => default,
        };
        if (function == 0)
        {
            return false;
        }

        InstructionModes.RequireKnown(kernel, i, FloatModifiers);
        if (i.Has("approx") || i.Opcode == "tanh")
        {
            Count(InstructionClass.SpecialFunction);
        }
        else
        {
            CountOperations(type, operations);
        }

        Row a = Source(i, 1, type);
        Row b = sources > 1 ? Source(i, 2, type) : a;
        Map(Destination(i), a, b, sources > 2 ? Source(i, 3, type) : b, mode, function);
        return true;
    }

    /// <summary>The hot ones: single precision to nearest, without saturation.</summary>
    private bool TranslateFastSingle(PtxInstruction i)
    {
        foreach (string modifier in i.Modifiers)
        {
            if (modifier is not ("rn" or "ftz" or "f32"))
            {
                return false;
            }
        }

        bool flush = i.Has("ftz");
        Type? operation = i.Opcode switch
        {
            "add" => typeof(SingleAdd),
            "sub" => typeof(SingleSubtract),
            "mul" => typeof(SingleMultiply),
            "min" => typeof(SingleMinimum),
            "max" => typeof(SingleMaximum),
            "fma" or "mad" => typeof(SingleFusedMultiplyAdd),
            _ => null,
        };
        if (operation is null)
        {
            return false;
        }

        bool fused = i.Opcode is "fma" or "mad";
        CountOperations(PtxType.F32, fused ? 2 : 1);
        operation = !flush ? operation : (fused ? typeof(FlushedTernary<>) : typeof(FlushedBinary<>)).MakeGenericType(operation);
        Row a = Source(i, 1, PtxType.F32);
        Row b = Source(i, 2, PtxType.F32);
        if (fused)
        {
            VectorTernary(operation, typeof(float), Destination(i), a, b, Source(i, 3, PtxType.F32));
        }
        else
        {
            VectorBinary(operation, typeof(float), Destination(i), a, b);
        }

        return true;
    }

    private static (nint Function, int Sources, int Operations) SingleFunction(PtxInstruction i)
    {
        bool approximate = i.Has("approx");
        return i.Opcode switch
        {
            "add" => (F(&SingleFunctions.Add), 2, 1),
            "sub" => (F(&SingleFunctions.Subtract), 2, 1),
            "mul" => (F(&SingleFunctions.Multiply), 2, 1),
            "fma" or "mad" => (F(&SingleFunctions.FusedMultiplyAdd), 3, 2),
            "div" when approximate => (F(&ApproximateFunctions.DivideApproximate), 2, 1),
            "div" when i.Has("full") => (F(&ApproximateFunctions.Divide), 2, 1),
            "div" => (F(&SingleFunctions.Divide), 2, 1),
            "abs" => (F(&SingleFunctions.Absolute), 1, 1),
            "neg" => (F(&SingleFunctions.Negate), 1, 1),
            "min" => (F(&SingleFunctions.Minimum), 2, 1),
            "max" => (F(&SingleFunctions.Maximum), 2, 1),
            "rcp" => (approximate ? F(&ApproximateFunctions.Reciprocal) : F(&SingleFunctions.Reciprocal), 1, 1),
            "sqrt" => (approximate ? F(&ApproximateFunctions.SquareRoot) : F(&SingleFunctions.SquareRoot), 1, 1),
            "rsqrt" => (F(&ApproximateFunctions.ReciprocalSquareRoot), 1, 1),
            "sin" => (F(&ApproximateFunctions.Sine), 1, 1),
            "cos" => (F(&ApproximateFunctions.Cosine), 1, 1),
            "lg2" => (F(&ApproximateFunctions.Logarithm2), 1, 1),
            "ex2" => (F(&ApproximateFunctions.Exponential2), 1, 1),
            "tanh" => (F(&ApproximateFunctions.HyperbolicTangent), 1, 1),
            _ => default,
        };
    }

    private static (nint Function, int Sources, int Operations) DoubleFunction(PtxInstruction i) => i.Opcode switch
    {
        "add" => (F(&DoubleFunctions.Add), 2, 1),
        "sub" => (F(&DoubleFunctions.Subtract), 2, 1),
        "mul" => (F(&DoubleFunctions.Multiply), 2, 1),
        "fma" or "mad" => (F(&DoubleFunctions.FusedMultiplyAdd), 3, 2),
        "div" => (F(&DoubleFunctions.Divide), 2, 1),
        "abs" => (F(&DoubleFunctions.Absolute), 1, 1),
        "neg" => (F(&DoubleFunctions.Negate), 1, 1),
        "min" => (F(&DoubleFunctions.Minimum), 2, 1),
        "max" => (F(&DoubleFunctions.Maximum), 2, 1),
        "rcp" => (i.Has("approx") ? F(&ApproximateFunctions.ReciprocalDouble) : F(&DoubleFunctions.Reciprocal), 1, 1),
        "rsqrt" => (F(&ApproximateFunctions.ReciprocalSquareRootDouble), 1, 1),
        "sqrt" => (F(&DoubleFunctions.SquareRoot), 1, 1),
        _ => default,
    };

    private static (nint Function, int Sources, int Operations) SmallFunction<T>(string opcode)
        where T : struct, ISmallFloat => opcode switch
        {
            "add" => (F(&SmallFloatFunctions<T>.Add), 2, 1),
            "sub" => (F(&SmallFloatFunctions<T>.Subtract), 2, 1),
            "mul" => (F(&SmallFloatFunctions<T>.Multiply), 2, 1),
            "fma" => (F(&SmallFloatFunctions<T>.FusedMultiplyAdd), 3, 2),
            "abs" => (F(&SmallFloatFunctions<T>.Absolute), 1, 1),
            "neg" => (F(&SmallFloatFunctions<T>.Negate), 1, 1),
            "min" => (F(&SmallFloatFunctions<T>.Minimum), 2, 1),
            "max" => (F(&SmallFloatFunctions<T>.Maximum), 2, 1),
            "ex2" => (F(&SmallFloatFunctions<T>.Exponential2), 1, 1),
            "tanh" => (F(&SmallFloatFunctions<T>.HyperbolicTangent), 1, 1),
            _ => default,
        };

    private static (nint Function, int Sources, int Operations) PackedFunction<T>(string opcode)
        where T : struct, ISmallFloat => opcode switch
        {
            "add" => (F(&PackedFunctions<T>.Add), 2, 1),
            "sub" => (F(&PackedFunctions<T>.Subtract), 2, 1),
            "mul" => (F(&PackedFunctions<T>.Multiply), 2, 1),
            "fma" => (F(&PackedFunctions<T>.FusedMultiplyAdd), 3, 2),
            "abs" => (F(&PackedFunctions<T>.Absolute), 1, 1),
            "neg" => (F(&PackedFunctions<T>.Negate), 1, 1),
            "min" => (F(&PackedFunctions<T>.Minimum), 2, 1),
            "max" => (F(&PackedFunctions<T>.Maximum), 2, 1),
            "ex2" => (F(&PackedFunctions<T>.Exponential2), 1, 1),
            "tanh" => (F(&PackedFunctions<T>.HyperbolicTangent), 1, 1),
            _ => default,
        };
}
