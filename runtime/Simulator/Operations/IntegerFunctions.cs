using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Integer arithmetic. The mode's upper bits carry the type: its width in bytes in 16..23, whether it is signed in 24.</summary>
internal static class IntegerFunctions
{
    internal const int SignedBit = 1 << 24;

    internal static int TypeBits(int bytes, bool signed) => (bytes << 16) | (signed ? SignedBit : 0);

    internal static ulong Add(ulong a, ulong b, ulong c, int mode) => Clamp((Int128)Signed(a, mode) + Signed(b, mode), a + b, mode);

    internal static ulong Subtract(ulong a, ulong b, ulong c, int mode) => Clamp((Int128)Signed(a, mode) - Signed(b, mode), a - b, mode);

    internal static ulong MultiplyLow(ulong a, ulong b, ulong c, int mode) => a * b;

    internal static ulong MultiplyHigh(ulong a, ulong b, ulong c, int mode) => (ulong)(Product(a, b, mode) >> (8 * Width(mode)));

    internal static ulong MultiplyWide(ulong a, ulong b, ulong c, int mode) => (ulong)Product(a, b, mode);

    internal static ulong MultiplyAddLow(ulong a, ulong b, ulong c, int mode) => (a * b) + c;

    internal static ulong MultiplyAddHigh(ulong a, ulong b, ulong c, int mode)
    {
        ulong high = MultiplyHigh(a, b, 0, mode);
        return Clamp((Int128)Signed(high, mode) + Signed(c, mode), high + c, mode);
    }

    internal static ulong MultiplyAddWide(ulong a, ulong b, ulong c, int mode) => (ulong)Product(a, b, mode) + c;

    internal static ulong Multiply24Low(ulong a, ulong b, ulong c, int mode) => (ulong)(Value24(a, mode) * Value24(b, mode));

    internal static ulong Multiply24High(ulong a, ulong b, ulong c, int mode) => (ulong)((Value24(a, mode) * Value24(b, mode)) >> 16);

    internal static ulong MultiplyAdd24Low(ulong a, ulong b, ulong c, int mode) => Multiply24Low(a, b, 0, mode) + c;

    /// <summary>A division by zero gives all ones, as the hardware's routine does; PTX leaves it open.</summary>
    internal static ulong Divide(ulong a, ulong b, ulong c, int mode)
    {
        if (Unsigned(b, mode) == 0)
        {
            return ulong.MaxValue;
        }

        return IsSigned(mode) ? (ulong)(long)((Int128)Signed(a, mode) / Signed(b, mode)) : Unsigned(a, mode) / Unsigned(b, mode);
    }

    internal static ulong Remainder(ulong a, ulong b, ulong c, int mode)
    {
        if (Unsigned(b, mode) == 0)
        {
            return a;
        }

        return IsSigned(mode) ? (ulong)(long)((Int128)Signed(a, mode) % Signed(b, mode)) : Unsigned(a, mode) % Unsigned(b, mode);
    }

    internal static ulong Absolute(ulong a, ulong b, ulong c, int mode) => Signed(a, mode) < 0 ? 0 - a : a;

    internal static ulong Negate(ulong a, ulong b, ulong c, int mode) => 0 - a;

    internal static ulong Minimum(ulong a, ulong b, ulong c, int mode) => Relu(Less(a, b, mode) ? a : b, mode);

    internal static ulong Maximum(ulong a, ulong b, ulong c, int mode) => Relu(Less(a, b, mode) ? b : a, mode);

    /// <summary>c + |a − b|.</summary>
    internal static ulong SumOfAbsoluteDifferences(ulong a, ulong b, ulong c, int mode) => c + (Less(a, b, mode) ? b - a : a - b);

    /// <summary>Four products of bytes, summed. Bit 25 of the mode: the bytes of b are signed; bit 24: those of a.</summary>
    internal static ulong DotProduct4(ulong a, ulong b, ulong c, int mode)
    {
        long sum = (int)c;
        for (int shift = 0; shift < 32; shift += 8)
        {
            long x = IsSigned(mode) ? (sbyte)(a >> shift) : (byte)(a >> shift);
            long y = (mode & (SignedBit << 1)) != 0 ? (sbyte)(b >> shift) : (byte)(b >> shift);
            sum += x * y;
        }

        return (ulong)sum;
    }

    /// <summary>Two products of 16-bit halves of a with the lower (or, with bit 26, the upper) two bytes of b.</summary>
    internal static ulong DotProduct2(ulong a, ulong b, ulong c, int mode)
    {
        long sum = (int)c;
        int start = (mode & (SignedBit << 2)) != 0 ? 16 : 0;
        for (int i = 0; i < 2; i++)
        {
            long x = IsSigned(mode) ? (short)(a >> (16 * i)) : (ushort)(a >> (16 * i));
            long y = (mode & (SignedBit << 1)) != 0 ? (sbyte)(b >> (start + (8 * i))) : (byte)(b >> (start + (8 * i)));
            sum += x * y;
        }

        return (ulong)sum;
    }

    internal static int Width(int mode) => (mode >> 16) & 0xFF;

    internal static bool IsSigned(int mode) => (mode & SignedBit) != 0;

    internal static ulong Unsigned(ulong value, int mode)
    {
        int unused = 64 - (8 * Width(mode));
        return (value << unused) >> unused;
    }

    /// <summary>The value as its type has it: sign-extended where that is signed.</summary>
    internal static long Signed(ulong value, int mode)
    {
        int unused = 64 - (8 * Width(mode));
        return (long)(value << unused) >> unused;
    }

    internal static bool Less(ulong a, ulong b, int mode) =>
        IsSigned(mode) ? Signed(a, mode) < Signed(b, mode) : Unsigned(a, mode) < Unsigned(b, mode);

    private static ulong Relu(ulong value, int mode) => (mode & (int)OperationMode.Relu) != 0 && Signed(value, mode) < 0 ? 0 : value;

    private static Int128 Product(ulong a, ulong b, int mode) => IsSigned(mode)
        ? (Int128)Signed(a, mode) * Signed(b, mode)
        : (Int128)((UInt128)Unsigned(a, mode) * Unsigned(b, mode));

    private static long Value24(ulong value, int mode) => IsSigned(mode) ? (long)(value << 40) >> 40 : (long)(value & 0xFF_FFFF);

    /// <summary>.sat is defined for 32-bit signed integers alone.</summary>
    private static ulong Clamp(Int128 exact, ulong wrapped, int mode) =>
        (mode & (int)OperationMode.Saturate) != 0 ? (ulong)(long)Int128.Clamp(exact, int.MinValue, int.MaxValue) : wrapped;
}
