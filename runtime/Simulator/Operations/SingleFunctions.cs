using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Single-precision arithmetic in every rounding mode, with flush and saturation; all results to the bit.</summary>
internal static class SingleFunctions
{
    internal static ulong Add(ulong a, ulong b, ulong c, int mode) => FusedMultiplyAdd(a, 0x3F80_0000, b, mode);

    internal static ulong Subtract(ulong a, ulong b, ulong c, int mode)
    {
        b = FloatBits.Flush(b, mode);
        return FusedMultiplyAdd(a, 0x3F80_0000, (b & 0x7FFF_FFFF) > 0x7F80_0000 ? b : b ^ 0x8000_0000, mode);
    }

    internal static ulong Multiply(ulong a, ulong b, ulong c, int mode)
    {
        float x = FloatBits.ToSingle(FloatBits.Flush(a, mode));
        float y = FloatBits.ToSingle(FloatBits.Flush(b, mode));
        return Finish((double)x * y, 0, mode);
    }

    internal static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, int mode)
    {
        float x = FloatBits.ToSingle(FloatBits.Flush(a, mode));
        float y = FloatBits.ToSingle(FloatBits.Flush(b, mode));
        float z = FloatBits.ToSingle(FloatBits.Flush(c, mode));
        double product = (double)x * y;
        double sum = product + z;
        if (double.IsNaN(sum) || double.IsInfinity(sum))
        {
            return Finish(sum, 0, mode);
        }

        // Knuth's two-sum: sum + error is the exact value.
        double rest = sum - product;
        double error = (product - (sum - rest)) + (z - rest);
        if (sum == 0 && error == 0 && double.IsNegative(product) != double.IsNegative((double)z))
        {
            sum = (mode & (int)OperationMode.RoundingMask) == (int)OperationMode.RoundDown ? -0.0 : 0.0;
        }

        return Finish(sum, Math.Sign(error), mode);
    }

    internal static ulong Divide(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToSingle(FloatBits.Flush(a, mode));
        double y = FloatBits.ToSingle(FloatBits.Flush(b, mode));
        double quotient = x / y;
        int tail = double.IsFinite(quotient) && quotient != 0 && double.IsFinite(y)
            ? Math.Sign(Math.FusedMultiplyAdd(-quotient, y, x)) * Math.Sign(y)
            : 0;
        return Finish(quotient, tail, mode);
    }

    internal static ulong Reciprocal(ulong a, ulong b, ulong c, int mode) => Divide(0x3F80_0000, a, 0, mode);

    internal static ulong SquareRoot(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToSingle(FloatBits.Flush(a, mode));
        double root = Math.Sqrt(x);
        int tail = double.IsFinite(root) && root > 0 ? Math.Sign(Math.FusedMultiplyAdd(-root, root, x)) : 0;
        return Finish(root, tail, mode);
    }

    internal static ulong Absolute(ulong a, ulong b, ulong c, int mode) => FloatBits.Flush(a, mode) & 0x7FFF_FFFF;

    internal static ulong Negate(ulong a, ulong b, ulong c, int mode) => FloatBits.Flush(a, mode) ^ 0x8000_0000;

    internal static ulong Minimum(ulong a, ulong b, ulong c, int mode) => Extreme(a, b, mode, largest: false);

    internal static ulong Maximum(ulong a, ulong b, ulong c, int mode) => Extreme(a, b, mode, largest: true);

    private static ulong Extreme(ulong a, ulong b, int mode, bool largest)
    {
        a = FloatBits.Flush(a, mode);
        b = FloatBits.Flush(b, mode);
        ulong sign = (a ^ b) & 0x8000_0000;
        bool byMagnitude = (mode & (int)OperationMode.XorSignAbs) != 0;
        float x = FloatBits.ToSingle(byMagnitude ? a & 0x7FFF_FFFF : a);
        float y = FloatBits.ToSingle(byMagnitude ? b & 0x7FFF_FFFF : b);
        bool propagate = (mode & (int)OperationMode.PropagateNaN) != 0;
        float result = (largest, propagate) switch
        {
            (true, true) => MathF.Max(x, y),
            (true, false) => float.MaxNumber(x, y),
            (false, true) => MathF.Min(x, y),
            (false, false) => float.MinNumber(x, y),
        };
        return byMagnitude && !float.IsNaN(result) ? FloatBits.Of(result) | sign : FloatBits.Of(result);
    }

    private static ulong Finish(double head, int tail, int mode)
    {
        ulong bits = FloatBits.Flush(FloatRounding.Round(head, tail, FloatFormat.Single, (OperationMode)mode), mode);
        return (mode & (int)OperationMode.Saturate) != 0 ? FloatBits.Of(FloatBits.Saturate(FloatBits.ToSingle(bits))) : bits;
    }
}
