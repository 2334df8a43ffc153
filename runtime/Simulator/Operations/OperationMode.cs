using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>What an instruction's modifiers say, in the form in which a bit function reads it. The low three bits are the rounding.</summary>
[Flags]
internal enum OperationMode
{
    None = 0,
    RoundNearestEven = 1,
    RoundZero = 2,
    RoundDown = 3,
    RoundUp = 4,
    RoundNearestAway = 5,
    RoundingMask = 7,

    /// <summary>Subnormal inputs and results become zeros of their sign.</summary>
    FlushSubnormals = 8,

    /// <summary>Integers clamp to their range; floats to [0, 1] with NaN to 0.</summary>
    Saturate = 16,

    /// <summary>Negative results become 0, NaN the canonical one.</summary>
    Relu = 32,

    /// <summary>min and max return NaN where an operand is one.</summary>
    PropagateNaN = 64,

    /// <summary>min and max take the absolute values' order and the signs' exclusive or.</summary>
    XorSignAbs = 128,

    /// <summary>Shifts that wrap their count; float conversions that keep a float whole (cvt.rni.f32.f32).</summary>
    Wrap = 256,

    /// <summary>Result clamped to the largest finite value (cvt.satfinite).</summary>
    SaturateFinite = 512,
}
