using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>How a 16-bit format reads its bits.</summary>
internal interface ISmallFloat
{
    static abstract FloatFormat Format { get; }

    static abstract double ToDouble(ulong bits);
}

/// <summary>IEEE half precision.</summary>
internal readonly struct HalfFormat : ISmallFloat
{
    public static FloatFormat Format => FloatFormat.Half;

    public static double ToDouble(ulong bits) => FloatBits.HalfToDouble(bits);
}

/// <summary>The upper half of a single.</summary>
internal readonly struct BFloat16Format : ISmallFloat
{
    public static FloatFormat Format => FloatFormat.BFloat16;

    public static double ToDouble(ulong bits) => FloatBits.BFloat16ToDouble(bits);
}

/// <summary>Arithmetic of a 16-bit format. Every result is the exact value rounded once.</summary>
internal static class SmallFloatFunctions<T>
    where T : struct, ISmallFloat
{
    private static ulong SignBit => 0x8000;

    internal static ulong Add(ulong a, ulong b, ulong c, int mode) => Finish(Value(a, mode) + Value(b, mode), 0, mode);

    internal static ulong Subtract(ulong a, ulong b, ulong c, int mode) => Finish(Value(a, mode) - Value(b, mode), 0, mode);

    internal static ulong Multiply(ulong a, ulong b, ulong c, int mode) => Finish(Value(a, mode) * Value(b, mode), 0, mode);

    internal static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, int mode)
    {
        double product = Value(a, mode) * Value(b, mode);
        double addend = Value(c, mode);
        double sum = product + addend;
        if (!double.IsFinite(sum))
        {
            return Finish(sum, 0, mode);
        }

        double rest = sum - product;
        double error = (product - (sum - rest)) + (addend - rest);
        return Finish(sum, Math.Sign(error), mode);
    }

    internal static ulong Absolute(ulong a, ulong b, ulong c, int mode) => Flush(a, mode) & 0x7FFF;

    internal static ulong Negate(ulong a, ulong b, ulong c, int mode) => Flush(a, mode) ^ SignBit;

    internal static ulong Minimum(ulong a, ulong b, ulong c, int mode) => Extreme(a, b, mode, largest: false);

    internal static ulong Maximum(ulong a, ulong b, ulong c, int mode) => Extreme(a, b, mode, largest: true);

    internal static ulong Exponential2(ulong a, ulong b, ulong c, int mode) => Finish(Math.Pow(2, Value(a, mode)), 0, mode);

    internal static ulong HyperbolicTangent(ulong a, ulong b, ulong c, int mode) => Finish(Math.Tanh(Value(a, mode)), 0, mode);

    internal static double Value(ulong bits, int mode) => T.ToDouble(Flush(bits, mode));

    private static ulong Flush(ulong bits, int mode)
    {
        ulong infinity = T.Format.InfinityBits;
        return (mode & (int)OperationMode.FlushSubnormals) != 0 && (bits & infinity) == 0 ? bits & SignBit : bits & 0xFFFF;
    }

    private static ulong Extreme(ulong a, ulong b, int mode, bool largest)
    {
        ulong sign = (a ^ b) & SignBit;
        bool byMagnitude = (mode & (int)OperationMode.XorSignAbs) != 0;
        double x = Value(byMagnitude ? a & 0x7FFF : a, mode);
        double y = Value(byMagnitude ? b & 0x7FFF : b, mode);
        bool propagate = (mode & (int)OperationMode.PropagateNaN) != 0;
        double result = (largest, propagate) switch
        {
            (true, true) => Math.Max(x, y),
            (true, false) => double.MaxNumber(x, y),
            (false, true) => Math.Min(x, y),
            (false, false) => double.MinNumber(x, y),
        };
        ulong bits = FloatRounding.Round(result, 0, T.Format, OperationMode.RoundNearestEven);
        return byMagnitude && !double.IsNaN(result) ? bits | sign : bits;
    }

    /// <summary>Rounds; then ftz, sat and relu, in this order.</summary>
    private static ulong Finish(double head, int tail, int mode)
    {
        ulong bits = Flush(FloatRounding.Round(head, tail, T.Format, (OperationMode)mode), mode);
        if ((mode & (int)OperationMode.Saturate) != 0)
        {
            bits = FloatRounding.Round(FloatBits.Saturate(T.ToDouble(bits)), 0, T.Format, OperationMode.RoundNearestEven);
        }

        bool negative = (bits & SignBit) != 0 && (bits & 0x7FFF) <= T.Format.InfinityBits;
        return (mode & (int)OperationMode.Relu) != 0 && negative ? 0 : bits;
    }
}

/// <summary>The same on two values side by side in 32 bits.</summary>
internal static class PackedFunctions<T>
    where T : struct, ISmallFloat
{
    internal static ulong Add(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Add(a & 0xFFFF, b & 0xFFFF, 0, mode), SmallFloatFunctions<T>.Add(a >> 16, b >> 16, 0, mode));

    internal static ulong Subtract(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Subtract(a & 0xFFFF, b & 0xFFFF, 0, mode), SmallFloatFunctions<T>.Subtract(a >> 16, b >> 16, 0, mode));

    internal static ulong Multiply(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Multiply(a & 0xFFFF, b & 0xFFFF, 0, mode), SmallFloatFunctions<T>.Multiply(a >> 16, b >> 16, 0, mode));

    internal static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, int mode) => Join(
        SmallFloatFunctions<T>.FusedMultiplyAdd(a & 0xFFFF, b & 0xFFFF, c & 0xFFFF, mode),
        SmallFloatFunctions<T>.FusedMultiplyAdd(a >> 16, b >> 16, c >> 16, mode));

    internal static ulong Absolute(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Absolute(a & 0xFFFF, 0, 0, mode), SmallFloatFunctions<T>.Absolute(a >> 16, 0, 0, mode));

    internal static ulong Negate(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Negate(a & 0xFFFF, 0, 0, mode), SmallFloatFunctions<T>.Negate(a >> 16, 0, 0, mode));

    internal static ulong Minimum(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Minimum(a & 0xFFFF, b & 0xFFFF, 0, mode), SmallFloatFunctions<T>.Minimum(a >> 16, b >> 16, 0, mode));

    internal static ulong Maximum(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Maximum(a & 0xFFFF, b & 0xFFFF, 0, mode), SmallFloatFunctions<T>.Maximum(a >> 16, b >> 16, 0, mode));

    internal static ulong Exponential2(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.Exponential2(a & 0xFFFF, 0, 0, mode), SmallFloatFunctions<T>.Exponential2(a >> 16, 0, 0, mode));

    internal static ulong HyperbolicTangent(ulong a, ulong b, ulong c, int mode) =>
        Join(SmallFloatFunctions<T>.HyperbolicTangent(a & 0xFFFF, 0, 0, mode), SmallFloatFunctions<T>.HyperbolicTangent(a >> 16, 0, 0, mode));

    private static ulong Join(ulong low, ulong high) => low | (high << 16);
}
