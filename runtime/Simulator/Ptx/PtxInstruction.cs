using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>An instruction with its guard, or a label (then <see cref="Label"/> alone is set).</summary>
internal sealed class PtxInstruction
{
    internal string? Label { get; init; }

    internal string Opcode { get; init; } = "";

    internal IReadOnlyList<string> Modifiers { get; init; } = Array.Empty<string>();

    internal IReadOnlyList<PtxOperand> Operands { get; init; } = Array.Empty<PtxOperand>();

    internal PtxRegister? Guard { get; init; }

    internal bool GuardNegated { get; init; }

    /// <summary>The line in the PTX text.</summary>
    internal int Line { get; init; }

    internal SourceLocation? Source { get; init; }

    /// <summary>Opcode and modifiers, as written.</summary>
    internal string FullName => Modifiers.Count == 0 ? Opcode : Opcode + "." + string.Join('.', Modifiers);

    /// <summary>The place in the CUDA source, or in the PTX where there is no line table.</summary>
    internal string Place => Source?.ToString() ?? $"PTX line {Line}";

    internal bool Has(string modifier)
    {
        foreach (string own in Modifiers)
        {
            if (string.Equals(own, modifier, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
