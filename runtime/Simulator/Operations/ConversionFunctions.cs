using System;
using System.Numerics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>
/// cvt between numbers. A value is read as a signed 128-bit integer or a double (which holds every PTX float exactly), and written
/// with one rounding. Which pair of types is meant comes in the mode's upper bits: source kind in 16..23, destination kind in 24..30.
/// </summary>
internal static class ConversionFunctions
{
    internal const int U8 = 0, S8 = 1, U16 = 2, S16 = 3, U32 = 4, S32 = 5, U64 = 6, S64 = 7, F16 = 8, BF16 = 9, F32 = 10, F64 = 11, TF32 = 12;

    internal static int Kinds(int source, int destination) => (source << 16) | (destination << 24);

    internal static ulong Convert(ulong a, ulong b, ulong c, int mode)
    {
        int source = (mode >> 16) & 0xFF;
        int destination = (mode >> 24) & 0x7F;
        if (source < F16)
        {
            Int128 value = ReadInteger(a, source);
            return destination < F16 ? WriteInteger(value, destination, mode) : IntegerToFloat(value, destination, mode);
        }

        double real = ReadFloat(a, source, mode);
        return destination < F16 ? FloatToInteger(real, source, destination, mode) : FloatToFloat(real, destination, mode);
    }

    /// <summary>cvt.rn.f16x2.f32 d, a, b: a to the upper half, b to the lower.</summary>
    internal static ulong Pack(ulong a, ulong b, ulong c, int mode) => (Convert(a, 0, 0, mode) << 16) | Convert(b, 0, 0, mode);

    private static Int128 ReadInteger(ulong a, int kind) => kind switch
    {
        U8 => (byte)a,
        S8 => (sbyte)a,
        U16 => (ushort)a,
        S16 => (short)a,
        U32 => (uint)a,
        S32 => (int)a,
        U64 => a,
        _ => (long)a,
    };

    private static ulong WriteInteger(Int128 value, int kind, int mode)
    {
        int width = 8 << (kind >> 1);
        bool signed = (kind & 1) != 0;
        if ((mode & (int)OperationMode.Saturate) != 0)
        {
            Int128 low = signed ? -(Int128.One << (width - 1)) : Int128.Zero;
            Int128 high = (Int128.One << (signed ? width - 1 : width)) - 1;
            value = Int128.Clamp(value, low, high);
        }

        // Kept to the destination's width, then extended by its sign into whatever register takes it.
        ulong bits = (ulong)value;
        return width == 64 ? bits : signed ? (ulong)((long)(bits << (64 - width)) >> (64 - width)) : bits & ((1ul << width) - 1);
    }

    private static ulong IntegerToFloat(Int128 value, int kind, int mode)
    {
        FloatFormat format = FormatOf(kind);
        if (value == 0)
        {
            return 0;
        }

        ulong bits = Int128.Abs(value) < (Int128)(1ul << 53)
            ? FloatRounding.Round((double)(long)value, 0, format, (OperationMode)mode)
            : FloatRounding.Round((BigInteger)value, 0, false, format, (OperationMode)mode);
        return (mode & (int)OperationMode.Saturate) != 0 ? SaturateFloat(bits, kind) : bits;
    }

    private static double ReadFloat(ulong a, int kind, int mode) => kind switch
    {
        F16 => FloatBits.HalfToDouble(a),
        BF16 => FloatBits.BFloat16ToDouble(a),
        F64 => FloatBits.ToDouble(a),
        _ => FloatBits.ToSingle(FloatBits.Flush(a, mode)),
    };

    private static ulong FloatToInteger(double value, int source, int destination, int mode)
    {
        int width = 8 << (destination >> 1);
        bool signed = (destination & 1) != 0;
        if (double.IsNaN(value))
        {
            return source == F64 || width == 64 ? 1ul << (width - 1) : 0;
        }

        double whole = RoundToInteger(value, mode);
        double high = Math.ScaleB(1, signed ? width - 1 : width);
        double low = signed ? -high : 0;
        if (whole >= high)
        {
            return WriteInteger((Int128.One << (signed ? width - 1 : width)) - 1, destination, 0);
        }

        return WriteInteger(whole <= low ? (Int128)low : (Int128)whole, destination, 0);
    }

    private static double RoundToInteger(double value, int mode) => (OperationMode)(mode & (int)OperationMode.RoundingMask) switch
    {
        OperationMode.RoundZero => Math.Truncate(value),
        OperationMode.RoundDown => Math.Floor(value),
        OperationMode.RoundUp => Math.Ceiling(value),
        _ => Math.Round(value, MidpointRounding.ToEven),
    };

    private static ulong FloatToFloat(double value, int destination, int mode)
    {
        if ((mode & (int)OperationMode.Wrap) != 0)
        {
            value = RoundToInteger(value, mode);
            mode = (mode & ~(int)OperationMode.RoundingMask) | (int)OperationMode.RoundNearestEven;
        }

        FloatFormat format = FormatOf(destination);
        ulong bits = destination == F64 ? FloatBits.Of(value) : FloatRounding.Round(value, 0, format, (OperationMode)mode);
        if (destination == F32)
        {
            bits = FloatBits.Flush(bits, mode);
        }

        if ((mode & (int)OperationMode.Saturate) != 0)
        {
            return SaturateFloat(bits, destination);
        }

        bool isNaN = (bits & ~(1ul << format.SignShift)) > format.InfinityBits;
        if ((mode & (int)OperationMode.SaturateFinite) != 0 && !isNaN && (bits & format.InfinityBits) == format.InfinityBits)
        {
            bits--;
        }

        bool clear = (mode & (int)OperationMode.Relu) != 0 && !isNaN && (bits >> format.SignShift) != 0;

        // A tf32 is kept in a single's place, its 13 low bits zero.
        return clear ? 0 : destination == TF32 ? (isNaN ? CanonicalNaN.Single : bits << 13) : bits;
    }

    private static ulong SaturateFloat(ulong bits, int kind)
    {
        double value = kind switch
        {
            F16 => FloatBits.HalfToDouble(bits),
            BF16 => FloatBits.BFloat16ToDouble(bits),
            F64 => FloatBits.ToDouble(bits),
            _ => FloatBits.ToSingle(bits),
        };
        double clamped = FloatBits.Saturate(value);
        return kind == F64 ? FloatBits.Of(clamped) : FloatRounding.Round(clamped, 0, FormatOf(kind), OperationMode.RoundNearestEven);
    }

    private static FloatFormat FormatOf(int kind) => kind switch
    {
        F16 => FloatFormat.Half,
        BF16 => FloatFormat.BFloat16,
        TF32 => FloatFormat.TensorFloat32,
        F64 => FloatFormat.Double,
        _ => FloatFormat.Single,
    };
}
