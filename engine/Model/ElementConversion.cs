using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>Elements of any floating type from and to floats, little-endian as in memory and in files, rounded to nearest even.</summary>
public static class ElementConversion
{
    /// <summary>Writes floats as elements of <paramref name="type"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is no floating type.</exception>
    public static void FromFloats(ReadOnlySpan<float> source, DataType type, Span<byte> destination)
    {
        switch (type)
        {
            case DataType.Float32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case DataType.Float64:
                Span<double> doubles = MemoryMarshal.Cast<byte, double>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    doubles[i] = source[i];
                }

                break;
            case DataType.Float16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    halves[i] = (Half)source[i];
                }

                break;
            case DataType.BFloat16:
                Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    words[i] = ToBFloat16(source[i]);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not a floating type");
        }
    }

    /// <summary>Reads elements of <paramref name="type"/> as floats.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is no floating type.</exception>
    public static void ToFloats(ReadOnlySpan<byte> source, DataType type, Span<float> destination)
    {
        switch (type)
        {
            case DataType.Float32:
                source[..(destination.Length * sizeof(float))].CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case DataType.Float64:
                ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)doubles[i];
                }

                break;
            case DataType.Float16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }

                break;
            case DataType.BFloat16:
                ReadOnlySpan<ushort> words = MemoryMarshal.Cast<byte, ushort>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "not a floating type");
        }
    }

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            // Truncation could turn a NaN into an infinity: keep it quiet.
            return (ushort)((bits >> 16) | 0x40);
        }

        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
