using System;
using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Values to bits and back, with the flush of subnormals.</summary>
internal static class FloatBits
{
    internal static float ToSingle(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    internal static ulong Of(float value) => float.IsNaN(value) ? CanonicalNaN.Single : BitConverter.SingleToUInt32Bits(value);

    internal static double ToDouble(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    internal static ulong Of(double value) => BitConverter.DoubleToUInt64Bits(value);

    internal static double HalfToDouble(ulong bits) => (double)BitConverter.UInt16BitsToHalf((ushort)bits);

    internal static double BFloat16ToDouble(ulong bits) => ToSingle((bits & 0xFFFF) << 16);

    /// <summary>A single's bits, flushed where the mode says so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Flush(ulong bits, int mode) =>
        (mode & (int)OperationMode.FlushSubnormals) != 0 && (bits & 0x7F80_0000) == 0 ? bits & 0x8000_0000 : bits;

    /// <summary>A half's bits, flushed where the mode says so.</summary>
    internal static ulong FlushHalf(ulong bits, int mode) =>
        (mode & (int)OperationMode.FlushSubnormals) != 0 && (bits & 0x7C00) == 0 ? bits & 0x8000 : bits;

    /// <summary>Clamps to [0, 1], NaN to +0.</summary>
    internal static float Saturate(float value) => value >= 1 ? 1 : value > 0 ? value : 0;

    internal static double Saturate(double value) => value >= 1 ? 1 : value > 0 ? value : 0;
}
