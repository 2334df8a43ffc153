using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>One operand of an instruction.</summary>
internal sealed class PtxOperand
{
    internal required PtxOperandKind Kind { get; init; }

    internal PtxRegister? Register { get; init; }

    internal PtxVariable? Variable { get; init; }

    /// <summary>A label, a function, or a special register with its component.</summary>
    internal string? Name { get; set; }

    /// <summary>The value of an immediate; the offset of an address.</summary>
    internal ulong Bits { get; init; }

    internal IReadOnlyList<PtxOperand> Elements { get; init; } = Array.Empty<PtxOperand>();

    internal bool IsImmediate => Kind is PtxOperandKind.Integer or PtxOperandKind.Float32 or PtxOperandKind.Float64;
}
