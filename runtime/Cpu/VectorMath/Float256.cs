using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>8 floats in 256 bits.</summary>
public readonly unsafe struct Float256(Vector256<float> value) : IVectorFloat<Float256>
{
    private readonly Vector256<float> _v = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Load(float* from) => new(Vector256.Load(from));

    public static Float256 LoadPartial(float* from, int count)
    {
        Vector256<float> v = default;
        for (int i = 0; i < count; i++)
            ((float*)&v)[i] = from[i];
        return new(v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => _v.Store(to);

    public void StorePartial(float* to, int count)
    {
        Vector256<float> v = _v;
        for (int i = 0; i < count; i++)
            to[i] = ((float*)&v)[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 operator +(Float256 a, Float256 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 operator -(Float256 a, Float256 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 operator *(Float256 a, Float256 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 operator /(Float256 a, Float256 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 operator -(Float256 a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 MultiplyAdd(Float256 a, Float256 b, Float256 c) => new(Vector256.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Min(Float256 a, Float256 b) => new(Vector256.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Max(Float256 a, Float256 b) => new(Vector256.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Abs(Float256 a) => new(Vector256.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Sqrt(Float256 a) => new(Vector256.Sqrt(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 Round(Float256 a) => new(Vector256.Round(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 SelectLess(Float256 x, Float256 y, Float256 a, Float256 b) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(x._v, y._v), a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 CopySign(Float256 a, Float256 b) => new(Vector256.CopySign(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 PowerOfTwo(Float256 n) => new(((Vector256.ConvertToInt32Native(n._v) + Vector256.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float256 SplitExponent(Float256 a, out Float256 exponent)
    {
        Vector256<int> bits = a._v.AsInt32();
        exponent = new(Vector256.ConvertToSingle((bits >> 23) - Vector256.Create(126)));
        return new(((bits & Vector256.Create(0x007FFFFF)) | Vector256.Create(0x3F000000)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float256 a) => Float128.Sum(new(a._v.GetLower() + a._v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HorizontalMax(Float256 a) => Float128.HorizontalMax(new(Vector128.Max(a._v.GetLower(), a._v.GetUpper())));
}
