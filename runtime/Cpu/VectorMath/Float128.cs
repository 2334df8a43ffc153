using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>4 floats in 128 bits.</summary>
public readonly unsafe struct Float128(Vector128<float> value) : IVectorFloat<Float128>
{
    private readonly Vector128<float> _v = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Load(float* from) => new(Vector128.Load(from));

    public static Float128 LoadPartial(float* from, int count)
    {
        Vector128<float> v = default;
        for (int i = 0; i < count; i++)
            ((float*)&v)[i] = from[i];
        return new(v);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => _v.Store(to);

    public void StorePartial(float* to, int count)
    {
        Vector128<float> v = _v;
        for (int i = 0; i < count; i++)
            to[i] = ((float*)&v)[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 operator +(Float128 a, Float128 b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 operator -(Float128 a, Float128 b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 operator *(Float128 a, Float128 b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 operator /(Float128 a, Float128 b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 operator -(Float128 a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 MultiplyAdd(Float128 a, Float128 b, Float128 c) => new(Vector128.MultiplyAddEstimate(a._v, b._v, c._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Min(Float128 a, Float128 b) => new(Vector128.Min(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Max(Float128 a, Float128 b) => new(Vector128.Max(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Abs(Float128 a) => new(Vector128.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Sqrt(Float128 a) => new(Vector128.Sqrt(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 Round(Float128 a) => new(Vector128.Round(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 SelectLess(Float128 x, Float128 y, Float128 a, Float128 b) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(x._v, y._v), a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 CopySign(Float128 a, Float128 b) => new(Vector128.CopySign(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 PowerOfTwo(Float128 n) => new(((Vector128.ConvertToInt32Native(n._v) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float128 SplitExponent(Float128 a, out Float128 exponent)
    {
        Vector128<int> bits = a._v.AsInt32();
        exponent = new(Vector128.ConvertToSingle((bits >> 23) - Vector128.Create(126)));
        return new(((bits & Vector128.Create(0x007FFFFF)) | Vector128.Create(0x3F000000)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float128 a) => (a._v[0] + a._v[2]) + (a._v[1] + a._v[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HorizontalMax(Float128 a) => System.MathF.Max(System.MathF.Max(a._v[0], a._v[1]), System.MathF.Max(a._v[2], a._v[3]));
}
