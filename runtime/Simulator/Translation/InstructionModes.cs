using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Reads modifiers.</summary>
internal static class InstructionModes
{
    /// <summary>The types among an instruction's modifiers, in order.</summary>
    internal static List<PtxType> Types(PtxInstruction instruction)
    {
        var types = new List<PtxType>();
        foreach (string modifier in instruction.Modifiers)
        {
            if (PtxTypes.TryParse(modifier, out PtxType type))
            {
                types.Add(type);
            }
        }

        return types;
    }

    /// <summary>Rounding, flush, saturation and the like.</summary>
    internal static OperationMode Mode(PtxInstruction instruction)
    {
        var mode = OperationMode.None;
        foreach (string modifier in instruction.Modifiers)
        {
            mode |= modifier switch
            {
                "rn" or "rni" => OperationMode.RoundNearestEven,
                "rz" or "rzi" => OperationMode.RoundZero,
                "rm" or "rmi" => OperationMode.RoundDown,
                "rp" or "rpi" => OperationMode.RoundUp,
                "rna" => OperationMode.RoundNearestAway,
                "ftz" => OperationMode.FlushSubnormals,
                "sat" => OperationMode.Saturate,
                "relu" => OperationMode.Relu,
                "NaN" => OperationMode.PropagateNaN,
                "xorsign" => OperationMode.XorSignAbs,
                "satfinite" => OperationMode.SaturateFinite,
                "wrap" or "shiftamt" => OperationMode.Wrap,
                _ => OperationMode.None,
            };
        }

        return mode;
    }

    /// <summary>Fails on a modifier that is no type and not in the list: what is not understood is not run.</summary>
    internal static void RequireKnown(KernelTranslator kernel, PtxInstruction instruction, string known)
    {
        foreach (string modifier in instruction.Modifiers)
        {
            if (!PtxTypes.TryParse(modifier, out _) && !System.Array.Exists(known.Split(' '), k => k == modifier))
            {
                throw kernel.Unsupported(instruction, $"the modifier .{modifier}");
            }
        }
    }
}
