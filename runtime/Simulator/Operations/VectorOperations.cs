using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>An instruction of one operand on a vector of lanes.</summary>
internal interface IVectorUnary<T>
    where T : unmanaged
{
    static abstract Vector512<T> Apply(Vector512<T> a);
}

/// <summary>An instruction of two operands on a vector of lanes.</summary>
internal interface IVectorBinary<T>
    where T : unmanaged
{
    static abstract Vector512<T> Apply(Vector512<T> a, Vector512<T> b);
}

/// <summary>An instruction of three operands on a vector of lanes.</summary>
internal interface IVectorTernary<T>
    where T : unmanaged
{
    static abstract Vector512<T> Apply(Vector512<T> a, Vector512<T> b, Vector512<T> c);
}

internal readonly struct VectorAdd<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a + b;
}

internal readonly struct VectorSubtract<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a - b;
}

internal readonly struct VectorMultiply<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a * b;
}

internal readonly struct VectorMultiplyAdd<T> : IVectorTernary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b, Vector512<T> c) => (a * b) + c;
}

internal readonly struct VectorAnd<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a & b;
}

internal readonly struct VectorOr<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a | b;
}

internal readonly struct VectorXor<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => a ^ b;
}

internal readonly struct VectorMinimum<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => Vector512.Min(a, b);
}

internal readonly struct VectorMaximum<T> : IVectorBinary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a, Vector512<T> b) => Vector512.Max(a, b);
}

internal readonly struct VectorCopy<T> : IVectorUnary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a) => a;
}

internal readonly struct VectorNot<T> : IVectorUnary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a) => ~a;
}

internal readonly struct VectorNegate<T> : IVectorUnary<T>
    where T : unmanaged
{
    public static Vector512<T> Apply(Vector512<T> a) => -a;
}

/// <summary>Single-precision arithmetic: a NaN result is PTX's canonical one, 0x7fffffff.</summary>
internal static class CanonicalNaN
{
    internal const uint Single = 0x7FFF_FFFF;

    internal static Vector512<float> Of(Vector512<float> value) =>
        Vector512.ConditionalSelect(Vector512.Equals(value, value), value, Vector512.Create(Single).AsSingle());
}

internal readonly struct SingleAdd : IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => CanonicalNaN.Of(a + b);
}

internal readonly struct SingleSubtract : IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => CanonicalNaN.Of(a - b);
}

internal readonly struct SingleMultiply : IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => CanonicalNaN.Of(a * b);
}

internal readonly struct SingleFusedMultiplyAdd : IVectorTernary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        CanonicalNaN.Of(Vector512.FusedMultiplyAdd(a, b, c));
}

/// <summary>The same in flush-to-zero mode: subnormal operands count as zeros of their sign, and so do results.</summary>
internal readonly struct SingleFlush
{
    internal static Vector512<float> Of(Vector512<float> value)
    {
        Vector512<uint> bits = value.AsUInt32();
        Vector512<uint> subnormal = Vector512.Equals(bits & Vector512.Create(0x7F80_0000u), Vector512<uint>.Zero);
        return Vector512.ConditionalSelect(subnormal, bits & Vector512.Create(0x8000_0000u), bits).AsSingle();
    }
}

internal readonly struct FlushedBinary<TOperation> : IVectorBinary<float>
    where TOperation : struct, IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) =>
        SingleFlush.Of(TOperation.Apply(SingleFlush.Of(a), SingleFlush.Of(b)));
}

internal readonly struct FlushedTernary<TOperation> : IVectorTernary<float>
    where TOperation : struct, IVectorTernary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        SingleFlush.Of(TOperation.Apply(SingleFlush.Of(a), SingleFlush.Of(b), SingleFlush.Of(c)));
}

/// <summary>The number where one operand is NaN; −0 is below +0.</summary>
internal readonly struct SingleMinimum : IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => CanonicalNaN.Of(Vector512.MinNumber(a, b));
}

internal readonly struct SingleMaximum : IVectorBinary<float>
{
    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => CanonicalNaN.Of(Vector512.MaxNumber(a, b));
}
