using System;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace GptEngine.Runtime.Memory;

/// <content>The generic numbers' interface, so that the plain references can run in this type: each operation in float, its result rounded once.</content>
public readonly partial struct BFloat16 : IFloatingPointIeee754<BFloat16>
{
    public static BFloat16 One => (BFloat16)1f;

    public static BFloat16 Zero => (BFloat16)0f;

    public static BFloat16 AdditiveIdentity => (BFloat16)0f;

    public static BFloat16 MultiplicativeIdentity => (BFloat16)1f;

    public static BFloat16 NegativeOne => (BFloat16)(-1f);

    public static BFloat16 E => (BFloat16)float.E;

    public static BFloat16 Pi => (BFloat16)float.Pi;

    public static BFloat16 Tau => (BFloat16)float.Tau;

    public static BFloat16 NaN => (BFloat16)float.NaN;

    public static BFloat16 NegativeInfinity => (BFloat16)float.NegativeInfinity;

    public static BFloat16 PositiveInfinity => (BFloat16)float.PositiveInfinity;

    public static BFloat16 NegativeZero => (BFloat16)(-0f);

    public static BFloat16 Epsilon => new(1);

    public static int Radix => 2;

    public static BFloat16 operator +(BFloat16 left, BFloat16 right) => (BFloat16)((float)left + (float)right);

    public static BFloat16 operator -(BFloat16 left, BFloat16 right) => (BFloat16)((float)left - (float)right);

    public static BFloat16 operator *(BFloat16 left, BFloat16 right) => (BFloat16)((float)left * (float)right);

    public static BFloat16 operator /(BFloat16 left, BFloat16 right) => (BFloat16)((float)left / (float)right);

    public static BFloat16 operator %(BFloat16 left, BFloat16 right) => (BFloat16)((float)left % (float)right);

    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    public static bool operator !=(BFloat16 left, BFloat16 right) => (float)left != (float)right;

    public static bool operator <(BFloat16 left, BFloat16 right) => (float)left < (float)right;

    public static bool operator >(BFloat16 left, BFloat16 right) => (float)left > (float)right;

    public static bool operator <=(BFloat16 left, BFloat16 right) => (float)left <= (float)right;

    public static bool operator >=(BFloat16 left, BFloat16 right) => (float)left >= (float)right;

    public static BFloat16 operator -(BFloat16 value) => (BFloat16)(-(float)value);

    public static BFloat16 operator +(BFloat16 value) => value;

    public static BFloat16 operator ++(BFloat16 value) => (BFloat16)((float)value + 1);

    public static BFloat16 operator --(BFloat16 value) => (BFloat16)((float)value - 1);

    public static BFloat16 Abs(BFloat16 x) => (BFloat16)float.Abs((float)x);

    public static BFloat16 Exp(BFloat16 x) => (BFloat16)float.Exp((float)x);

    public static BFloat16 Exp10(BFloat16 x) => (BFloat16)float.Exp10((float)x);

    public static BFloat16 Exp2(BFloat16 x) => (BFloat16)float.Exp2((float)x);

    public static BFloat16 Log(BFloat16 x) => (BFloat16)float.Log((float)x);

    public static BFloat16 Log10(BFloat16 x) => (BFloat16)float.Log10((float)x);

    public static BFloat16 Log2(BFloat16 x) => (BFloat16)float.Log2((float)x);

    public static BFloat16 Sqrt(BFloat16 x) => (BFloat16)float.Sqrt((float)x);

    public static BFloat16 Cbrt(BFloat16 x) => (BFloat16)float.Cbrt((float)x);

    public static BFloat16 Acos(BFloat16 x) => (BFloat16)float.Acos((float)x);

    public static BFloat16 AcosPi(BFloat16 x) => (BFloat16)float.AcosPi((float)x);

    public static BFloat16 Acosh(BFloat16 x) => (BFloat16)float.Acosh((float)x);

    public static BFloat16 Asin(BFloat16 x) => (BFloat16)float.Asin((float)x);

    public static BFloat16 AsinPi(BFloat16 x) => (BFloat16)float.AsinPi((float)x);

    public static BFloat16 Asinh(BFloat16 x) => (BFloat16)float.Asinh((float)x);

    public static BFloat16 Atan(BFloat16 x) => (BFloat16)float.Atan((float)x);

    public static BFloat16 AtanPi(BFloat16 x) => (BFloat16)float.AtanPi((float)x);

    public static BFloat16 Atanh(BFloat16 x) => (BFloat16)float.Atanh((float)x);

    public static BFloat16 Cos(BFloat16 x) => (BFloat16)float.Cos((float)x);

    public static BFloat16 CosPi(BFloat16 x) => (BFloat16)float.CosPi((float)x);

    public static BFloat16 Cosh(BFloat16 x) => (BFloat16)float.Cosh((float)x);

    public static BFloat16 Sin(BFloat16 x) => (BFloat16)float.Sin((float)x);

    public static BFloat16 SinPi(BFloat16 x) => (BFloat16)float.SinPi((float)x);

    public static BFloat16 Sinh(BFloat16 x) => (BFloat16)float.Sinh((float)x);

    public static BFloat16 Tan(BFloat16 x) => (BFloat16)float.Tan((float)x);

    public static BFloat16 TanPi(BFloat16 x) => (BFloat16)float.TanPi((float)x);

    public static BFloat16 Tanh(BFloat16 x) => (BFloat16)float.Tanh((float)x);

    public static BFloat16 Pow(BFloat16 x, BFloat16 y) => (BFloat16)float.Pow((float)x, (float)y);

    public static BFloat16 Hypot(BFloat16 x, BFloat16 y) => (BFloat16)float.Hypot((float)x, (float)y);

    public static BFloat16 Atan2(BFloat16 x, BFloat16 y) => (BFloat16)float.Atan2((float)x, (float)y);

    public static BFloat16 Atan2Pi(BFloat16 x, BFloat16 y) => (BFloat16)float.Atan2Pi((float)x, (float)y);

    public static BFloat16 Ieee754Remainder(BFloat16 x, BFloat16 y) => (BFloat16)float.Ieee754Remainder((float)x, (float)y);

    public static BFloat16 MaxMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxMagnitude((float)x, (float)y);

    public static BFloat16 MaxMagnitudeNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxMagnitudeNumber((float)x, (float)y);

    public static BFloat16 MinMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MinMagnitude((float)x, (float)y);

    public static BFloat16 MinMagnitudeNumber(BFloat16 x, BFloat16 y) => (BFloat16)float.MinMagnitudeNumber((float)x, (float)y);

    public static BFloat16 Log(BFloat16 x, BFloat16 y) => (BFloat16)float.Log((float)x, (float)y);

    public static BFloat16 RootN(BFloat16 x, int n) => (BFloat16)float.RootN((float)x, n);

    public static BFloat16 ScaleB(BFloat16 x, int n) => (BFloat16)float.ScaleB((float)x, n);

    public static int ILogB(BFloat16 x) => float.ILogB((float)x);

    public static (BFloat16 Sin, BFloat16 Cos) SinCos(BFloat16 x) => (Sin(x), Cos(x));

    public static (BFloat16 SinPi, BFloat16 CosPi) SinCosPi(BFloat16 x) => (SinPi(x), CosPi(x));

    public static BFloat16 FusedMultiplyAdd(BFloat16 left, BFloat16 right, BFloat16 addend) => (BFloat16)float.FusedMultiplyAdd((float)left, (float)right, (float)addend);

    public static BFloat16 Round(BFloat16 x, int digits, MidpointRounding mode) => (BFloat16)float.Round((float)x, digits, mode);

    public static BFloat16 BitIncrement(BFloat16 x) => IsNaN(x) || IsPositiveInfinity(x) ? x : (float)x == 0 ? Epsilon : new((ushort)(IsNegative(x) ? x.Bits - 1 : x.Bits + 1));

    public static BFloat16 BitDecrement(BFloat16 x) => -BitIncrement(-x);

    public static bool IsEvenInteger(BFloat16 value) => float.IsEvenInteger((float)value);

    public static bool IsFinite(BFloat16 value) => float.IsFinite((float)value);

    public static bool IsInfinity(BFloat16 value) => float.IsInfinity((float)value);

    public static bool IsInteger(BFloat16 value) => float.IsInteger((float)value);

    public static bool IsNaN(BFloat16 value) => float.IsNaN((float)value);

    public static bool IsNegative(BFloat16 value) => float.IsNegative((float)value);

    public static bool IsNegativeInfinity(BFloat16 value) => float.IsNegativeInfinity((float)value);

    public static bool IsNormal(BFloat16 value) => float.IsNormal((float)value);

    public static bool IsOddInteger(BFloat16 value) => float.IsOddInteger((float)value);

    public static bool IsPositive(BFloat16 value) => float.IsPositive((float)value);

    public static bool IsPositiveInfinity(BFloat16 value) => float.IsPositiveInfinity((float)value);

    public static bool IsRealNumber(BFloat16 value) => float.IsRealNumber((float)value);

    public static bool IsSubnormal(BFloat16 value) => float.IsSubnormal((float)value);

    public static bool IsCanonical(BFloat16 value) => true;

    public static bool IsComplexNumber(BFloat16 value) => false;

    public static bool IsImaginaryNumber(BFloat16 value) => false;

    public static bool IsZero(BFloat16 value) => (float)value == 0;

    public static BFloat16 Parse(string s, IFormatProvider? provider) => (BFloat16)float.Parse(s, provider);

    public static BFloat16 Parse(string s, NumberStyles style, IFormatProvider? provider) => (BFloat16)float.Parse(s, style, provider);

    public static BFloat16 Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => (BFloat16)float.Parse(s, provider);

    public static BFloat16 Parse(ReadOnlySpan<char> s, NumberStyles style, IFormatProvider? provider) => (BFloat16)float.Parse(s, style, provider);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = float.TryParse(s, provider, out float value);
        result = (BFloat16)value;
        return isNumber;
    }

    public static bool TryParse([NotNullWhen(true)] string? s, NumberStyles style, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = float.TryParse(s, style, provider, out float value);
        result = (BFloat16)value;
        return isNumber;
    }

    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = float.TryParse(s, provider, out float value);
        result = (BFloat16)value;
        return isNumber;
    }

    public static bool TryParse(ReadOnlySpan<char> s, NumberStyles style, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = float.TryParse(s, style, provider, out float value);
        result = (BFloat16)value;
        return isNumber;
    }

    static bool INumberBase<BFloat16>.TryConvertFromChecked<TOther>(TOther value, out BFloat16 result)
    {
        result = (BFloat16)float.CreateChecked(value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertToChecked<TOther>(BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateChecked((float)value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertFromSaturating<TOther>(TOther value, out BFloat16 result)
    {
        result = (BFloat16)float.CreateSaturating(value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertToSaturating<TOther>(BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateSaturating((float)value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertFromTruncating<TOther>(TOther value, out BFloat16 result)
    {
        result = (BFloat16)float.CreateTruncating(value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertToTruncating<TOther>(BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateTruncating((float)value);
        return true;
    }

    public int CompareTo(BFloat16 other) => ((float)this).CompareTo((float)other);

    public int CompareTo(object? obj) => obj is null ? 1 : obj is BFloat16 other ? CompareTo(other) : throw new ArgumentException("not a BFloat16", nameof(obj));

    public bool Equals(BFloat16 other) => ((float)this).Equals((float)other);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is BFloat16 other && Equals(other);

    public override int GetHashCode() => ((float)this).GetHashCode();

    public override string ToString() => ((float)this).ToString(CultureInfo.InvariantCulture);

    public string ToString(string? format, IFormatProvider? formatProvider) => ((float)this).ToString(format, formatProvider);

    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider) =>
        ((float)this).TryFormat(destination, out charsWritten, format, provider);

    int IFloatingPoint<BFloat16>.GetExponentByteCount() => sizeof(sbyte);

    int IFloatingPoint<BFloat16>.GetExponentShortestBitLength() => ((IFloatingPoint<float>)(float)this).GetExponentShortestBitLength();

    int IFloatingPoint<BFloat16>.GetSignificandBitLength() => 8;

    int IFloatingPoint<BFloat16>.GetSignificandByteCount() => sizeof(byte);

    bool IFloatingPoint<BFloat16>.TryWriteExponentBigEndian(Span<byte> destination, out int bytesWritten) =>
        ((IFloatingPoint<float>)(float)this).TryWriteExponentBigEndian(destination, out bytesWritten);

    bool IFloatingPoint<BFloat16>.TryWriteExponentLittleEndian(Span<byte> destination, out int bytesWritten) =>
        ((IFloatingPoint<float>)(float)this).TryWriteExponentLittleEndian(destination, out bytesWritten);

    bool IFloatingPoint<BFloat16>.TryWriteSignificandBigEndian(Span<byte> destination, out int bytesWritten) => TryWriteSignificand(destination, out bytesWritten);

    bool IFloatingPoint<BFloat16>.TryWriteSignificandLittleEndian(Span<byte> destination, out int bytesWritten) => TryWriteSignificand(destination, out bytesWritten);

    private bool TryWriteSignificand(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = destination.IsEmpty ? 0 : 1;
        if (!destination.IsEmpty)
        {
            destination[0] = (byte)((Bits & 0x7F) | ((Bits & 0x7F80) == 0 ? 0 : 0x80));
        }

        return bytesWritten == 1;
    }
}
