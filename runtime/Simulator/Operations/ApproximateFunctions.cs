using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>
/// The .approx functions. A GPU's tables are its own; here each is the true value rounded once, which lies within every documented bound.
/// Domain edges (zeros, infinities, flush) follow the PTX ISA's tables.
/// </summary>
internal static class ApproximateFunctions
{
    internal static ulong Exponential2(ulong a, ulong b, ulong c, int mode) => Finish(Math.Pow(2, Value(a, mode)), mode);

    internal static ulong Logarithm2(ulong a, ulong b, ulong c, int mode) => Finish(Math.Log2(Value(a, mode)), mode);

    internal static ulong Sine(ulong a, ulong b, ulong c, int mode) => Finish(Math.Sin(Value(a, mode)), mode);

    internal static ulong Cosine(ulong a, ulong b, ulong c, int mode) => Finish(Math.Cos(Value(a, mode)), mode);

    internal static ulong HyperbolicTangent(ulong a, ulong b, ulong c, int mode) => Finish(Math.Tanh(Value(a, mode)), mode);

    internal static ulong Reciprocal(ulong a, ulong b, ulong c, int mode) => Finish(1 / Value(a, mode), mode);

    internal static ulong SquareRoot(ulong a, ulong b, ulong c, int mode) => Finish(Math.Sqrt(Value(a, mode)), mode);

    internal static ulong ReciprocalSquareRoot(ulong a, ulong b, ulong c, int mode)
    {
        double x = Value(a, mode);
        return Finish(x == 0 ? Math.CopySign(double.PositiveInfinity, x) : 1 / Math.Sqrt(x), mode);
    }

    internal static ulong Divide(ulong a, ulong b, ulong c, int mode) => Finish(Value(a, mode) / Value(b, mode), mode);

    /// <summary>div.full and div.approx differ in range only: for 2^126 &lt; |b| &lt; 2^128 the approximate quotient of a finite value is 0.</summary>
    internal static ulong DivideApproximate(ulong a, ulong b, ulong c, int mode)
    {
        double y = Value(b, mode);
        double x = Value(a, mode);
        bool beyond = Math.Abs(y) > Math.ScaleB(1, 126) && double.IsFinite(y);
        return beyond
            ? Finish(double.IsInfinity(x) ? double.NaN : 0 * x / y, mode)
            : Finish(x / y, mode);
    }

    /// <summary>rcp.approx.ftz.f64 and rsqrt.approx.f64: 20 bits or more of the result's upper word; the lower word is 0.</summary>
    internal static ulong ReciprocalDouble(ulong a, ulong b, ulong c, int mode) => UpperWord(1 / FloatBits.ToDouble(a));

    internal static ulong ReciprocalSquareRootDouble(ulong a, ulong b, ulong c, int mode)
    {
        double x = FloatBits.ToDouble(a);
        return UpperWord(x == 0 ? Math.CopySign(double.PositiveInfinity, x) : 1 / Math.Sqrt(x));
    }

    private static ulong UpperWord(double value) => FloatBits.Of(value) & 0xFFFF_FFFF_0000_0000;

    private static double Value(ulong bits, int mode) => FloatBits.ToSingle(FloatBits.Flush(bits, mode));

    private static ulong Finish(double value, int mode)
    {
        ulong bits = FloatBits.Flush(FloatBits.Of((float)value), mode);
        return (mode & (int)OperationMode.Saturate) != 0 ? FloatBits.Of(FloatBits.Saturate(FloatBits.ToSingle(bits))) : bits;
    }
}
