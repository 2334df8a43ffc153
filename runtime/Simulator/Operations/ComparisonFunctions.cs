using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Comparisons and classifications, 1 for true. The comparison's code is in bits 25..30 of the mode.</summary>
internal static class ComparisonFunctions
{
    internal const int Equal = 0, NotEqual = 1, Less = 2, LessOrEqual = 3, Greater = 4, GreaterOrEqual = 5, Number = 6, NotNumber = 7;

    /// <summary>Added to a code: true where an operand is NaN.</summary>
    internal const int Unordered = 8;

    private const int CodeShift = 25;

    internal static int Code(int comparison) => comparison << CodeShift;

    internal static ulong Integers(ulong a, ulong b, ulong c, int mode)
    {
        int order = IntegerFunctions.IsSigned(mode)
            ? IntegerFunctions.Signed(a, mode).CompareTo(IntegerFunctions.Signed(b, mode))
            : IntegerFunctions.Unsigned(a, mode).CompareTo(IntegerFunctions.Unsigned(b, mode));
        return Holds(order, mode >> CodeShift) ? 1ul : 0;
    }

    internal static ulong Singles(ulong a, ulong b, ulong c, int mode) =>
        Floats(FloatBits.ToSingle(FloatBits.Flush(a, mode)), FloatBits.ToSingle(FloatBits.Flush(b, mode)), mode >> CodeShift);

    internal static ulong Doubles(ulong a, ulong b, ulong c, int mode) => Floats(FloatBits.ToDouble(a), FloatBits.ToDouble(b), mode >> CodeShift);

    internal static ulong Halves(ulong a, ulong b, ulong c, int mode) =>
        Floats(SmallFloatFunctions<HalfFormat>.Value(a, mode), SmallFloatFunctions<HalfFormat>.Value(b, mode), mode >> CodeShift);

    internal static ulong BFloat16s(ulong a, ulong b, ulong c, int mode) =>
        Floats(SmallFloatFunctions<BFloat16Format>.Value(a, mode), SmallFloatFunctions<BFloat16Format>.Value(b, mode), mode >> CodeShift);

    /// <summary>testp on a float of 4 or 8 bytes: codes finite, infinite, number, notanumber, normal, subnormal from 0.</summary>
    internal static ulong Classify(ulong a, ulong b, ulong c, int mode)
    {
        double value = IntegerFunctions.Width(mode) == 8 ? FloatBits.ToDouble(a) : FloatBits.ToSingle(a);
        bool subnormal = IntegerFunctions.Width(mode) == 8 ? double.IsSubnormal(value) : float.IsSubnormal((float)value);
        bool result = (mode >> CodeShift) switch
        {
            0 => double.IsFinite(value),
            1 => double.IsInfinity(value),
            2 => !double.IsNaN(value),
            3 => double.IsNaN(value),
            4 => double.IsFinite(value) && value != 0 && !subnormal,
            _ => subnormal,
        };
        return result ? 1ul : 0;
    }

    private static ulong Floats(double a, double b, int code)
    {
        bool isNaN = double.IsNaN(a) || double.IsNaN(b);
        bool result = code switch
        {
            Number => !isNaN,
            NotNumber => isNaN,
            _ => isNaN ? (code & Unordered) != 0 : Holds(a.CompareTo(b), code & 7),
        };
        return result ? 1ul : 0;
    }

    private static bool Holds(int order, int code) => code switch
    {
        Equal => order == 0,
        NotEqual => order != 0,
        Less => order < 0,
        LessOrEqual => order <= 0,
        Greater => order > 0,
        GreaterOrEqual => order >= 0,
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };
}
