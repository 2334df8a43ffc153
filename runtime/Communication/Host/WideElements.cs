using System;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Host;

/// <summary>
/// Elements of any floating-point type as the type that they are summed in: fp32, and fp64 for fp64. Element by element, so that the bits
/// do not depend on how wide the processor's vectors are.
/// </summary>
internal static unsafe class WideElements
{
    private const int Block = 1024;

    /// <summary>Bytes of an element in its sum.</summary>
    internal static int BytesOf(DataType type) => type == DataType.Float64 ? sizeof(double) : sizeof(float);

    /// <summary>Whether elements of the type can be summed.</summary>
    internal static bool CanSum(DataType type) => type is DataType.Float32 or DataType.Float16 or DataType.BFloat16 or DataType.Float64;

    /// <summary><paramref name="wide"/> = <paramref name="source"/></summary>
    internal static void Load(DataType type, byte* source, byte* wide, int count)
    {
        switch (type)
        {
            case DataType.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), new Span<float>(wide, count));
                break;
            case DataType.BFloat16:
                Expand((ushort*)source, (uint*)wide, count);
                break;
            default:
                long bytes = (long)count * BytesOf(type);
                Buffer.MemoryCopy(source, wide, bytes, bytes);
                break;
        }
    }

    /// <summary><paramref name="wide"/> += <paramref name="source"/></summary>
    [SkipLocalsInit]
    internal static void Add(DataType type, byte* source, byte* wide, int count)
    {
        if (type is DataType.Float32 or DataType.Float64)
        {
            AddWide(type, source, wide, count);
            return;
        }

        float* expanded = stackalloc float[Block];
        for (int at = 0; at < count; at += Block)
        {
            int some = Math.Min(Block, count - at);
            Load(type, source + (at * sizeof(ushort)), (byte*)expanded, some);
            AddWide(type, (byte*)expanded, wide + (at * sizeof(float)), some);
        }
    }

    /// <summary><paramref name="wide"/> += <paramref name="other"/>, both as sums are.</summary>
    internal static void AddWide(DataType type, byte* other, byte* wide, int count)
    {
        if (type == DataType.Float64)
        {
            var sum = new Span<double>(wide, count);
            TensorPrimitives.Add(sum, new ReadOnlySpan<double>(other, count), sum);
        }
        else
        {
            var sum = new Span<float>(wide, count);
            TensorPrimitives.Add(sum, new ReadOnlySpan<float>(other, count), sum);
        }
    }

    /// <summary><paramref name="target"/> = <paramref name="wide"/>, rounded to nearest even.</summary>
    internal static void Store(DataType type, byte* wide, byte* target, int count)
    {
        switch (type)
        {
            case DataType.Float16:
                TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(wide, count), new Span<Half>(target, count));
                break;
            case DataType.BFloat16:
                Round((uint*)wide, (ushort*)target, count);
                break;
            default:
                long bytes = (long)count * BytesOf(type);
                Buffer.MemoryCopy(wide, target, bytes, bytes);
                break;
        }
    }

    private static void Expand(ushort* source, uint* wide, int count)
    {
        int at = 0;
        for (; at <= count - Vector256<ushort>.Count; at += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(source + at));
            (low << 16).Store(wide + at);
            (high << 16).Store(wide + at + Vector256<uint>.Count);
        }

        for (; at < count; at++)
        {
            wide[at] = (uint)source[at] << 16;
        }
    }

    private static void Round(uint* wide, ushort* target, int count)
    {
        int at = 0;
        for (; at <= count - Vector256<ushort>.Count; at += Vector256<ushort>.Count)
        {
            Vector256.Narrow(Rounded(Vector256.Load(wide + at)), Rounded(Vector256.Load(wide + at + Vector256<uint>.Count))).Store(target + at);
        }

        for (; at < count; at++)
        {
            target[at] = ((BFloat16)BitConverter.UInt32BitsToSingle(wide[at])).Bits;
        }
    }

    // As BFloat16's own conversion: a NaN keeps its upper bits and stays one.
    private static Vector256<uint> Rounded(Vector256<uint> bits)
    {
        Vector256<uint> nearest = (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256.Create(1u))) >> 16;
        Vector256<uint> notANumber = (bits >> 16) | Vector256.Create(0x40u);
        Vector256<float> values = bits.AsSingle();
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), nearest, notANumber);
    }
}
