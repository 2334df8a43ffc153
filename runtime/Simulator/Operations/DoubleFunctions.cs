using System;
using System.Numerics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Double-precision arithmetic. To nearest it is the processor's own; directed modes go over exact integers.</summary>
internal static class DoubleFunctions
{
    internal static ulong Add(ulong a, ulong b, ulong c, int mode) => FusedMultiplyAdd(a, FloatBits.Of(1.0), b, mode);

    internal static ulong Subtract(ulong a, ulong b, ulong c, int mode) =>
        FusedMultiplyAdd(a, FloatBits.Of(1.0), double.IsNaN(FloatBits.ToDouble(b)) ? b : b ^ (1ul << 63), mode);

    internal static ulong Multiply(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToDouble(a);
        double y = FloatBits.ToDouble(b);
        return IsNearest(mode) || !double.IsFinite(x) || !double.IsFinite(y) || x == 0 || y == 0
            ? Finish(x * y, mode)
            : FusedMultiplyAdd(a, b, 0, mode);
    }

    internal static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToDouble(a);
        double y = FloatBits.ToDouble(b);
        double z = FloatBits.ToDouble(c);
        if (IsNearest(mode) || !double.IsFinite(x) || !double.IsFinite(y) || !double.IsFinite(z))
        {
            return Finish(Math.FusedMultiplyAdd(x, y, z), mode);
        }

        (BigInteger xs, int xe) = Split(x);
        (BigInteger ys, int ye) = Split(y);
        (BigInteger zs, int ze) = Split(z);
        int low = Math.Min(xe + ye, ze);
        BigInteger sum = ((xs * ys) << (xe + ye - low)) + (zs << (ze - low));
        if (sum.IsZero)
        {
            double zero = Math.FusedMultiplyAdd(x, y, z);
            bool bothNegative = double.IsNegative(x) != double.IsNegative(y) && double.IsNegative(z);
            bool isDown = (mode & (int)OperationMode.RoundingMask) == (int)OperationMode.RoundDown;
            bool opposite = (double.IsNegative(x) != double.IsNegative(y)) != double.IsNegative(z);
            return FloatBits.Of(bothNegative || (isDown && opposite) ? -0.0 : Math.Abs(zero));
        }

        return FloatRounding.Round(sum, low, false, FloatFormat.Double, (OperationMode)mode);
    }

    internal static ulong Divide(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToDouble(a);
        double y = FloatBits.ToDouble(b);
        if (IsNearest(mode) || !double.IsFinite(x) || !double.IsFinite(y) || x == 0 || y == 0)
        {
            return Finish(x / y, mode);
        }

        (BigInteger xs, int xe) = Split(x);
        (BigInteger ys, int ye) = Split(y);
        BigInteger quotient = BigInteger.DivRem(xs << 128, BigInteger.Abs(ys), out BigInteger rest);
        return FloatRounding.Round(ys.Sign < 0 ? -quotient : quotient, xe - ye - 128, !rest.IsZero, FloatFormat.Double, (OperationMode)mode);
    }

    internal static ulong Reciprocal(ulong a, ulong b, ulong c, int mode) => Divide(FloatBits.Of(1.0), a, 0, mode);

    internal static ulong SquareRoot(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToDouble(a);
        double root = Math.Sqrt(x);
        if (IsNearest(mode) || !double.IsFinite(root) || root == 0)
        {
            return Finish(root, mode);
        }

        // The root is a normal number and its square's error is exact, so its sign says on which side the rounding went.
        double scaled = x < 1e-280 ? x * double.ScaleB(1, 200) : x;
        double scaledRoot = Math.Sqrt(scaled);
        double error = Math.FusedMultiplyAdd(-scaledRoot, scaledRoot, scaled);
        bool up = (mode & (int)OperationMode.RoundingMask) == (int)OperationMode.RoundUp;
        double directed = up
            ? error > 0 ? Math.BitIncrement(root) : root
            : error < 0 ? Math.BitDecrement(root) : root;
        return FloatBits.Of(directed);
    }

    internal static ulong Absolute(ulong a, ulong b, ulong c, int mode) => a & ~(1ul << 63);

    internal static ulong Negate(ulong a, ulong b, ulong c, int mode) => a ^ (1ul << 63);

    internal static ulong Minimum(ulong a, ulong b, ulong c, int mode) => FloatBits.Of(double.MinNumber(FloatBits.ToDouble(a), FloatBits.ToDouble(b)));

    internal static ulong Maximum(ulong a, ulong b, ulong c, int mode) => FloatBits.Of(double.MaxNumber(FloatBits.ToDouble(a), FloatBits.ToDouble(b)));

    private static bool IsNearest(int mode) =>
        (mode & (int)OperationMode.RoundingMask) is (int)OperationMode.RoundNearestEven or (int)OperationMode.None;

    private static ulong Finish(double value, int mode) =>
        FloatBits.Of((mode & (int)OperationMode.Saturate) != 0 ? FloatBits.Saturate(value) : value);

    private static (BigInteger Significand, int Exponent) Split(double value)
    {
        ulong bits = FloatBits.Of(value);
        int field = (int)(bits >> 52) & 0x7FF;
        BigInteger significand = (bits & ((1ul << 52) - 1)) | (field == 0 ? 0 : 1ul << 52);
        return (double.IsNegative(value) ? -significand : significand, (field == 0 ? 1 : field) - 1075);
    }
}
