using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>What can be said of an instruction from its opcode alone.</summary>
internal static class InstructionForms
{
    private static readonly HashSet<string> s_withoutResult =
    [
        "st", "red", "bra", "brx", "call", "ret", "exit", "trap", "brkpt", "bar", "barrier", "membar", "fence", "cp", "prefetch", "prefetchu",
        "stmatrix", "nanosleep", "pmevent", "discard", "applypriority", "mbarrier", "griddepcontrol", "setmaxnreg",
        "wgmma",
    ];

    /// <summary>Whether the first operand is written, in full, and not read. In doubt, no: such a register only keeps a row to itself.</summary>
    internal static bool DefinesFirstOperand(PtxInstruction instruction) => !s_withoutResult.Contains(instruction.Opcode);
}
