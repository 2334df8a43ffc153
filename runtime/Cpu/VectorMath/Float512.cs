using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>16 floats in 512 bits.</summary>
public readonly unsafe struct Float512(Vector512<float> value) : IVectorFloat<Float512>
{
    private readonly Vector512<float> _v = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Load(float* from) => new(Vector512.Load(from));

    public static Float512 LoadPartial(float* from, int count)
    {
        Vector512<float> v = default;
        for (int i = 0; i < count; i++)
            ((float*)&v)[i] = from[i];
        return new(v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => _v.Store(to);

    public void StorePartial(float* to, int count)
    {
        Vector512<float> v = _v;
        for (int i = 0; i < count; i++)
            to[i] = ((float*)&v)[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 operator +(Float512 a, Float512 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 operator -(Float512 a, Float512 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 operator *(Float512 a, Float512 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 operator /(Float512 a, Float512 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 operator -(Float512 a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 MultiplyAdd(Float512 a, Float512 b, Float512 c) => new(Vector512.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Min(Float512 a, Float512 b) => new(Vector512.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Max(Float512 a, Float512 b) => new(Vector512.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Abs(Float512 a) => new(Vector512.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Sqrt(Float512 a) => new(Vector512.Sqrt(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 Round(Float512 a) => new(Vector512.Round(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 SelectLess(Float512 x, Float512 y, Float512 a, Float512 b) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x._v, y._v), a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 CopySign(Float512 a, Float512 b) => new(Vector512.CopySign(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 PowerOfTwo(Float512 n) => new(((Vector512.ConvertToInt32Native(n._v) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float512 SplitExponent(Float512 a, out Float512 exponent)
    {
        Vector512<int> bits = a._v.AsInt32();
        exponent = new(Vector512.ConvertToSingle((bits >> 23) - Vector512.Create(126)));
        return new(((bits & Vector512.Create(0x007FFFFF)) | Vector512.Create(0x3F000000)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float512 a) => Float256.Sum(new(a._v.GetLower() + a._v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HorizontalMax(Float512 a) => Float256.HorizontalMax(new(Vector256.Max(a._v.GetLower(), a._v.GetUpper())));
}
