using System;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Cpu.VectorMath;
using NUnit.Framework;

namespace GptEngine.Tests.Cpu;

/// <summary>The vector functions at each width against double.</summary>
public sealed unsafe class ElementaryTests
{
    private interface IFunction
    {
        static abstract T Vector<T>(T x)
            where T : struct, IVectorFloat<T>;

        static abstract double Exact(double x);
    }

    [Test]
    public void Exp_Range_WithinTwoUlp() => Check<Exp>(-87, 88.7, ulps: 2);

    [Test]
    public void Log_Range_WithinTwoUlp()
    {
        Check<Log>(1e-30, 1e-20, ulps: 2);
        Check<Log>(0.001, 4, ulps: 2);
        Check<Log>(1, 1e30, ulps: 2);
    }

    [Test]
    public void Tanh_Range_WithinTwoUlp() => Check<Tanh>(-12, 12, ulps: 2);

    [Test]
    public void Erf_Range_WithinThreeUlp() => Check<Erf>(-6, 6, ulps: 3);

    [Test]
    public void GeluErf_Range_Close() => Check<Gelu>(-8, 8, ulps: 3, absolute: 3e-7);

    [Test]
    public void GeluErfDerivative_Range_Close() => Check<GeluSlope>(-8, 8, ulps: 3, absolute: 3e-7);

    [Test]
    public void GeluTanh_Range_Close() => Check<TanhGelu>(-8, 8, ulps: 3, absolute: 3e-7);

    [Test]
    public void GeluTanhDerivative_Range_Close() => Check<TanhGeluSlope>(-8, 8, ulps: 3, absolute: 5e-7);

    [Test]
    public void Exp_FarOut_SaturatesCleanly()
    {
        Assert.That(At<Exp>(-1000), Is.Zero);
        Assert.That(At<Exp>(float.NegativeInfinity), Is.Zero);
        Assert.That(At<Exp>(1000), Is.EqualTo(float.PositiveInfinity));
        Assert.That(At<Exp>(0), Is.EqualTo(1));
    }

    private static float At<TFunction>(float x)
        where TFunction : IFunction
    {
        float* result = stackalloc float[4];
        TFunction.Vector(Float128.Create(x)).Store(result);
        return result[0];
    }

    private static void Check<TFunction>(double from, double to, double ulps, double absolute = 0)
        where TFunction : IFunction
    {
        Check<TFunction, Float128>(from, to, ulps, absolute);
        if (Vector256.IsHardwareAccelerated)
            Check<TFunction, Float256>(from, to, ulps, absolute);
        if (Vector512.IsHardwareAccelerated)
            Check<TFunction, Float512>(from, to, ulps, absolute);
    }

    private static void Check<TFunction, T>(double from, double to, double ulps, double absolute)
        where TFunction : IFunction
        where T : struct, IVectorFloat<T>
    {
        const int Steps = 100_000;
        float* x = stackalloc float[16], y = stackalloc float[16];
        double worst = 0, worstAt = 0;
        for (int i = 0; i < Steps; i += T.Count)
        {
            for (int j = 0; j < T.Count; j++)
                x[j] = (float)(from + (to - from) * (i + j) / Steps);
            TFunction.Vector(T.Load(x)).Store(y);
            for (int j = 0; j < T.Count; j++)
            {
                double exact = TFunction.Exact(x[j]);
                double ulp = MathF.BitIncrement(MathF.Abs((float)exact)) - MathF.Abs((float)exact);
                double error = (Math.Abs(y[j] - exact) - absolute) / ulp;
                if (!(error <= worst))
                    (worst, worstAt) = (error, x[j]);
            }
        }
        Assert.That(worst, Is.LessThanOrEqualTo(ulps), $"{typeof(TFunction).Name} at {worstAt:R}, {T.Count} wide");
    }

    // erf by its series (Abramowitz and Stegun 7.1.6), which has no cancellation.
    private static double ErfExact(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 400 && Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private readonly struct Exp : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => Elementary.Exp(x);

        public static double Exact(double x) => Math.Exp(x);
    }

    private readonly struct Log : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => Elementary.Log(x);

        public static double Exact(double x) => Math.Log(x);
    }

    private readonly struct Tanh : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => Elementary.Tanh(x);

        public static double Exact(double x) => Math.Tanh(x);
    }

    private readonly struct Erf : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => Elementary.Erf(x);

        public static double Exact(double x) => ErfExact(x);
    }

    private readonly struct Gelu : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => GeluErf.Apply(x);

        public static double Exact(double x) => x * 0.5 * (1 + ErfExact(x / Math.Sqrt(2)));
    }

    private readonly struct GeluSlope : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => GeluErf.Derivative(x);

        public static double Exact(double x) =>
            0.5 * (1 + ErfExact(x / Math.Sqrt(2))) + x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }

    private readonly struct TanhGelu : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => GeluTanh.Apply(x);

        public static double Exact(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private readonly struct TanhGeluSlope : IFunction
    {
        public static T Vector<T>(T x) where T : struct, IVectorFloat<T> => GeluTanh.Derivative(x);

        public static double Exact(double x)
        {
            double c = Math.Sqrt(2 / Math.PI), t = Math.Tanh(c * (x + 0.044715 * x * x * x));
            return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
        }
    }
}
