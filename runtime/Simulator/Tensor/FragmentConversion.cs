using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>Rows of fragments to doubles, in which products of 16-bit values are exact and sums of a tile nearly so.</summary>
internal static unsafe class FragmentConversion
{
    /// <summary>2^112: what takes a half's exponent to a single's.</summary>
    private const float HalfBias = 5.192296858534828e33f;

    /// <summary>64 halves, two a lane, as they lie in a register's row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Halves(byte* row, double* values)
    {
        for (int i = 0; i < 64; i += 16)
        {
            Vector512<uint> bits = Vector512.WidenLower(Vector256.Load((ushort*)row + i).ToVector512());
            Vector512<uint> sign = (bits & Vector512.Create(0x8000u)) << 16;
            Vector512<uint> magnitude = (bits & Vector512.Create(0x7FFFu)) << 13;

            // Rebiasing by a product is exact, subnormals included; infinities and NaNs need the exponent's top put back.
            Vector512<float> scaled = magnitude.AsSingle() * Vector512.Create(HalfBias);
            Vector512<uint> special = Vector512.Equals(bits & Vector512.Create(0x7C00u), Vector512.Create(0x7C00u)) & Vector512.Create(0x7F80_0000u);
            Store((scaled.AsUInt32() | special | sign).AsSingle(), values + i);
        }
    }

    /// <summary>64 bfloat16 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void BFloat16s(byte* row, double* values)
    {
        for (int i = 0; i < 64; i += 16)
        {
            Store((Vector512.WidenLower(Vector256.Load((ushort*)row + i).ToVector512()) << 16).AsSingle(), values + i);
        }
    }

    /// <summary>32 tf32 values: singles whose 13 low bits do not count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void TensorFloat32s(byte* row, double* values)
    {
        for (int i = 0; i < 32; i += 16)
        {
            Store((Vector512.Load((uint*)row + i) & Vector512.Create(0xFFFF_E000u)).AsSingle(), values + i);
        }
    }

    /// <summary>Eight halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<double> EightHalves(ushort* values)
    {
        Vector256<uint> bits = Vector256.WidenLower(Vector128.Load(values).ToVector256());
        Vector256<uint> sign = (bits & Vector256.Create(0x8000u)) << 16;
        Vector256<float> scaled = ((bits & Vector256.Create(0x7FFFu)) << 13).AsSingle() * Vector256.Create(HalfBias);
        Vector256<uint> special = Vector256.Equals(bits & Vector256.Create(0x7C00u), Vector256.Create(0x7C00u)) & Vector256.Create(0x7F80_0000u);
        return Vector512.WidenLower((scaled.AsUInt32() | special | sign).AsSingle().ToVector512());
    }

    /// <summary>Eight bfloat16 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<double> EightBFloat16s(ushort* values) =>
        Vector512.WidenLower((Vector256.WidenLower(Vector128.Load(values).ToVector256()) << 16).AsSingle().ToVector512());

    /// <summary>Four tf32 values, in the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<double> FourTensorFloat32s(uint* values) =>
        Vector512.WidenLower((Vector128.Load(values) & Vector128.Create(0xFFFF_E000u)).AsSingle().ToVector256().ToVector512());

    private static void Store(Vector512<float> source, double* values)
    {
        (Vector512<double> low, Vector512<double> high) = Vector512.Widen(source);
        low.Store(values);
        high.Store(values + 8);
    }
}
