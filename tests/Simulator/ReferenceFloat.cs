using System.Numerics;

namespace GptEngine.Tests.Simulator;

/// <summary>Floating point by exact rational numbers, slow and plain: the model that the simulator's arithmetic is held against.</summary>
internal sealed class ReferenceFloat(int precision, int exponentBits)
{
    internal static readonly ReferenceFloat Half = new(11, 5);
    internal static readonly ReferenceFloat BFloat16 = new(8, 8);
    internal static readonly ReferenceFloat TensorFloat32 = new(11, 8);
    internal static readonly ReferenceFloat Single = new(24, 8);
    internal static readonly ReferenceFloat Double = new(53, 11);

    internal enum Mode
    {
        Nearest,
        Zero,
        Down,
        Up,
        NearestAway,
    }

    private int Bias => (1 << (exponentBits - 1)) - 1;

    private ulong Fraction => (1ul << (precision - 1)) - 1;

    internal ulong SignBit => 1ul << (precision - 1 + exponentBits);

    internal ulong Infinity => ((1ul << exponentBits) - 1) << (precision - 1);

    internal ulong NaN => this == Double ? 0x7FF8_0000_0000_0000 : SignBit - 1;

    internal ulong One => (ulong)Bias << (precision - 1);

    internal bool IsNaN(ulong x) => (x & ~SignBit) > Infinity;

    internal bool IsInfinity(ulong x) => (x & ~SignBit) == Infinity;

    internal bool IsZero(ulong x) => (x & ~SignBit) == 0;

    internal bool IsNegative(ulong x) => (x & SignBit) != 0;

    internal ulong Flush(ulong x) => (x & Infinity) == 0 ? x & SignBit : x;

    /// <summary>The value as an integer times a power of two.</summary>
    internal (BigInteger Integer, int Exponent) Exact(ulong x)
    {
        int field = (int)((x & Infinity) >> (precision - 1));
        BigInteger significand = (x & Fraction) | (field == 0 ? 0 : Fraction + 1);
        int exponent = (field == 0 ? 1 : field) - Bias - (precision - 1);
        return (IsNegative(x) ? -significand : significand, exponent);
    }

    internal ulong FusedMultiplyAdd(ulong x, ulong y, ulong z, Mode mode)
    {
        bool productNegative = IsNegative(x) != IsNegative(y);
        if (IsNaN(x) || IsNaN(y) || IsNaN(z) || (IsInfinity(x) && IsZero(y)) || (IsZero(x) && IsInfinity(y)))
        {
            return NaN;
        }

        bool productInfinite = IsInfinity(x) || IsInfinity(y);
        if (productInfinite)
        {
            return IsInfinity(z) && IsNegative(z) != productNegative ? NaN : Infinity | (productNegative ? SignBit : 0);
        }

        if (IsInfinity(z))
        {
            return z;
        }

        (BigInteger a, int ea) = Exact(x);
        (BigInteger b, int eb) = Exact(y);
        (BigInteger c, int ec) = Exact(z);
        int low = int.Min(ea + eb, ec);
        BigInteger sum = ((a * b) << (ea + eb - low)) + (c << (ec - low));
        if (sum.IsZero)
        {
            bool bothZeroes = (IsZero(x) || IsZero(y)) && IsZero(z);
            bool negative = bothZeroes && productNegative == IsNegative(z) ? productNegative : mode == Mode.Down;
            return negative ? SignBit : 0;
        }

        return low >= 0 ? Round(sum << low, BigInteger.One, mode) : Round(sum, BigInteger.One << -low, mode);
    }

    internal ulong Add(ulong x, ulong y, Mode mode) => FusedMultiplyAdd(x, One, y, mode);

    internal ulong Multiply(ulong x, ulong y, Mode mode)
    {
        bool negative = IsNegative(x) != IsNegative(y);
        return FusedMultiplyAdd(x, y, negative ? SignBit : 0, mode);
    }

    internal ulong Negate(ulong x) => IsNaN(x) ? x : x ^ SignBit;

    internal ulong Divide(ulong x, ulong y, Mode mode)
    {
        ulong sign = (x ^ y) & SignBit;
        if (IsNaN(x) || IsNaN(y) || (IsInfinity(x) && IsInfinity(y)) || (IsZero(x) && IsZero(y)))
        {
            return NaN;
        }

        if (IsInfinity(x) || IsZero(y))
        {
            return sign | Infinity;
        }

        if (IsInfinity(y) || IsZero(x))
        {
            return sign;
        }

        (BigInteger a, int ea) = Exact(x);
        (BigInteger b, int eb) = Exact(y);
        BigInteger numerator = BigInteger.Abs(a) << int.Max(0, ea - eb);
        BigInteger denominator = BigInteger.Abs(b) << int.Max(0, eb - ea);
        return Round(sign != 0 ? -numerator : numerator, denominator, mode);
    }

    /// <summary>The root to 200 further bits, with a last one that says whether it went on.</summary>
    internal ulong SquareRoot(ulong x, Mode mode)
    {
        if (IsNaN(x) || (IsNegative(x) && !IsZero(x)))
        {
            return NaN;
        }

        if (IsZero(x) || IsInfinity(x))
        {
            return x;
        }

        (BigInteger a, int e) = Exact(x);
        if ((e & 1) != 0)
        {
            a <<= 1;
            e--;
        }

        a <<= 400;
        BigInteger root = BigInteger.One << (int)((a.GetBitLength() + 1) / 2);
        while (true)
        {
            BigInteger next = (root + (a / root)) >> 1;
            if (next >= root)
            {
                break;
            }

            root = next;
        }

        BigInteger sticky = (root << 1) | (root * root == a ? 0 : 1);
        int scale = (e / 2) - 200 - 1;
        return scale >= 0 ? Round(sticky << scale, BigInteger.One, mode) : Round(sticky, BigInteger.One << -scale, mode);
    }

    /// <summary>The nearest number of the format to a fraction, in a mode.</summary>
    internal ulong Round(BigInteger numerator, BigInteger denominator, Mode mode)
    {
        bool negative = numerator.Sign < 0;
        numerator = BigInteger.Abs(numerator);
        ulong sign = negative ? SignBit : 0;
        if (numerator.IsZero)
        {
            return sign;
        }

        int exponent = (int)(numerator.GetBitLength() - denominator.GetBitLength());
        exponent -= Compare(numerator, denominator, exponent) < 0 ? 1 : 0;
        int place = int.Max(exponent, 1 - Bias) - (precision - 1);
        BigInteger scaledNumerator = place < 0 ? numerator << -place : numerator;
        BigInteger scaledDenominator = place > 0 ? denominator << place : denominator;
        BigInteger kept = BigInteger.DivRem(scaledNumerator, scaledDenominator, out BigInteger rest);
        int half = (rest * 2).CompareTo(scaledDenominator);
        bool up = mode switch
        {
            Mode.Nearest => half > 0 || (half == 0 && !kept.IsEven),
            Mode.NearestAway => half >= 0,
            Mode.Up => !negative && !rest.IsZero,
            Mode.Down => negative && !rest.IsZero,
            _ => false,
        };
        kept += up ? 1 : 0;
        if (kept == BigInteger.One << precision)
        {
            kept >>= 1;
            place++;
        }

        int field = kept >= BigInteger.One << (precision - 1) ? place + (precision - 1) + Bias : 0;
        if (field >= (1 << exponentBits) - 1)
        {
            bool infinite = mode is Mode.Nearest or Mode.NearestAway || (mode == Mode.Up && !negative) || (mode == Mode.Down && negative);
            return sign | (infinite ? Infinity : Infinity - 1);
        }

        return sign | ((ulong)field << (precision - 1)) | ((ulong)kept & Fraction);
    }

    private static int Compare(BigInteger numerator, BigInteger denominator, int exponent) =>
        exponent >= 0 ? numerator.CompareTo(denominator << exponent) : (numerator << -exponent).CompareTo(denominator);
}
