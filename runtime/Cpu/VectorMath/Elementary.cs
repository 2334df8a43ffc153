using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>
/// Elementary functions on vectors of floats, for finite arguments; errors, measured against double, are held by tests. The polynomials
/// of log, tanh and erf are those of S. L. Moshier's Cephes library, single precision; exp is Taylor's on ±ln 2 / 2.
/// </summary>
public static class Elementary
{
    /// <summary>eˣ to 2 ulp; 0 below −104, infinity above 88.73.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        x = T.Max(T.Create(-104), T.Min(T.Create(89), x));
        // x = n·ln 2 + r, with ln 2 in two parts so that r is exact to the last bit that matters.
        T n = T.Round(x * T.Create(1.44269504f));
        T r = T.MultiplyAdd(n, T.Create(-0.693359375f), x);
        r = T.MultiplyAdd(n, T.Create(2.12194440e-4f), r);
        T p = T.MultiplyAdd(r, T.Create(1 / 5040f), T.Create(1 / 720f));
        p = T.MultiplyAdd(p, r, T.Create(1 / 120f));
        p = T.MultiplyAdd(p, r, T.Create(1 / 24f));
        p = T.MultiplyAdd(p, r, T.Create(1 / 6f));
        p = T.MultiplyAdd(p, r, T.Create(0.5f));
        p = T.MultiplyAdd(p, r * r, r) + T.Create(1);
        // 2ⁿ in two factors: n itself may be out of a float's range.
        T half = T.Round(n * T.Create(0.5f));
        return p * T.PowerOfTwo(half) * T.PowerOfTwo(n - half);
    }

    /// <summary>ln x to 2 ulp, for normal x &gt; 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        T m = T.SplitExponent(x, out T e);
        // m in [√½, √2), so that f is small.
        T root = T.Create(0.707106781f);
        e = T.SelectLess(m, root, e - T.Create(1), e);
        T f = T.SelectLess(m, root, m + m, m) - T.Create(1);
        T p = T.MultiplyAdd(f, T.Create(7.0376836292e-2f), T.Create(-1.1514610310e-1f));
        p = T.MultiplyAdd(p, f, T.Create(1.1676998740e-1f));
        p = T.MultiplyAdd(p, f, T.Create(-1.2420140846e-1f));
        p = T.MultiplyAdd(p, f, T.Create(1.4249322787e-1f));
        p = T.MultiplyAdd(p, f, T.Create(-1.6668057665e-1f));
        p = T.MultiplyAdd(p, f, T.Create(2.0000714765e-1f));
        p = T.MultiplyAdd(p, f, T.Create(-2.4999993993e-1f));
        p = T.MultiplyAdd(p, f, T.Create(3.3333331174e-1f));
        T square = f * f;
        T y = T.MultiplyAdd(e, T.Create(-2.12194440e-4f), p * f * square);
        y = T.MultiplyAdd(square, T.Create(-0.5f), y);
        return T.MultiplyAdd(e, T.Create(0.693359375f), f + y);
    }

    /// <summary>tanh x to 2 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        T magnitude = T.Abs(x), z = x * x;
        T p = T.MultiplyAdd(z, T.Create(-5.70498872745e-3f), T.Create(2.06390887954e-2f));
        p = T.MultiplyAdd(p, z, T.Create(-5.37397155531e-2f));
        p = T.MultiplyAdd(p, z, T.Create(1.33314422036e-1f));
        p = T.MultiplyAdd(p, z, T.Create(-3.33332819422e-1f));
        T near = T.MultiplyAdd(p * z, x, x);
        // 1 − 2/(e²ˣ + 1); at 10 it is 1 already.
        T power = Exp(T.Min(magnitude, T.Create(10)) * T.Create(2));
        T far = T.Create(1) - T.Create(2) / (power + T.Create(1));
        return T.SelectLess(magnitude, T.Create(0.625f), near, T.CopySign(far, x));
    }

    /// <summary>erf x to 3 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Erf<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        T magnitude = T.Abs(x), z = x * x;
        T p = T.MultiplyAdd(z, T.Create(7.853861353153693e-5f), T.Create(-8.010193625184903e-4f));
        p = T.MultiplyAdd(p, z, T.Create(5.188327685732524e-3f));
        p = T.MultiplyAdd(p, z, T.Create(-2.685381193529856e-2f));
        p = T.MultiplyAdd(p, z, T.Create(1.128358514861418e-1f));
        p = T.MultiplyAdd(p, z, T.Create(-3.761262582423300e-1f));
        p = T.MultiplyAdd(p, z, T.Create(1.128379165726710f));
        T far = T.Create(1) - ErfcAboveOne(T.Max(T.Create(1), T.Min(magnitude, T.Create(4.2f))));
        return T.SelectLess(magnitude, T.Create(1), p * x, T.CopySign(far, x));
    }

    // erfc x = e^(−x²)/x · P(1/x²) on [1, 2), · R(1/x²) above.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ErfcAboveOne<T>(T x)
        where T : struct, IVectorFloat<T>
    {
        T q = T.Create(1) / x, y = q * q;
        T p = T.MultiplyAdd(y, T.Create(2.326819970068386e-2f), T.Create(-1.387039388740657e-1f));
        p = T.MultiplyAdd(p, y, T.Create(3.687424674597105e-1f));
        p = T.MultiplyAdd(p, y, T.Create(-5.824733027278666e-1f));
        p = T.MultiplyAdd(p, y, T.Create(6.210004621745983e-1f));
        p = T.MultiplyAdd(p, y, T.Create(-4.944515323274145e-1f));
        p = T.MultiplyAdd(p, y, T.Create(3.404879937665872e-1f));
        p = T.MultiplyAdd(p, y, T.Create(-2.741127028184656e-1f));
        p = T.MultiplyAdd(p, y, T.Create(5.638259427386472e-1f));
        T r = T.MultiplyAdd(y, T.Create(-1.047766399936249e1f), T.Create(1.297719955372516e1f));
        r = T.MultiplyAdd(r, y, T.Create(-7.495518717768503f));
        r = T.MultiplyAdd(r, y, T.Create(2.921019019210786f));
        r = T.MultiplyAdd(r, y, T.Create(-1.015265279202700f));
        r = T.MultiplyAdd(r, y, T.Create(4.218463358204948e-1f));
        r = T.MultiplyAdd(r, y, T.Create(-2.820767439740514e-1f));
        r = T.MultiplyAdd(r, y, T.Create(5.641895067754075e-1f));
        return Exp(-(x * x)) * q * T.SelectLess(x, T.Create(2), p, r);
    }
}
