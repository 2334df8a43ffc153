using System;

namespace GptEngine.Runtime.Memory;

/// <summary>The upper half of a binary32: eight bits of exponent, seven of mantissa. Conversions round to nearest even; a NaN stays one.</summary>
/// <param name="bits">As stored.</param>
public readonly partial struct BFloat16(ushort bits)
{
    /// <summary>As stored.</summary>
    public ushort Bits { get; } = bits;

    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? new((ushort)((bits >> 16) | 0x40)) : new((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    public static explicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);
}
