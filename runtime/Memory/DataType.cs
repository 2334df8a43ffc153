using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Memory;

/// <summary>How an element is stored.</summary>
public enum DataType
{
    /// <summary>IEEE binary32.</summary>
    Float32,

    /// <summary>IEEE binary16.</summary>
    Float16,

    /// <summary>The upper half of a binary32.</summary>
    BFloat16,

    /// <summary>IEEE binary64: the reference device's type, an oracle and nothing to train with.</summary>
    Float64,

    /// <summary>Tokens, targets and positions.</summary>
    Int32,
}

public static class DataTypes
{
    /// <summary>Bytes an element takes.</summary>
    public static int SizeInBytes(this DataType type) => type switch
    {
        DataType.Float16 or DataType.BFloat16 => 2,
        DataType.Float32 or DataType.Int32 => 4,
        DataType.Float64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown data type"),
    };

    /// <summary>The short name that shapes are printed with: fp32, fp16, bf16, fp64, int32.</summary>
    public static string ShortName(this DataType type) => type switch
    {
        DataType.Float32 => "fp32",
        DataType.Float16 => "fp16",
        DataType.BFloat16 => "bf16",
        DataType.Float64 => "fp64",
        DataType.Int32 => "int32",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown data type"),
    };

    /// <summary>Stores a number at the start of <paramref name="place"/> in this type; a bf16 is cut off, not rounded.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type is not one that training stores: fp32, fp16, bf16.</exception>
    public static void WriteElement(this DataType type, Span<byte> place, float value)
    {
        switch (type)
        {
            case DataType.Float32:
                MemoryMarshal.Write(place, value);
                return;
            case DataType.Float16:
                MemoryMarshal.Write(place, (Half)value);
                return;
            case DataType.BFloat16:
                MemoryMarshal.Write(place, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                return;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "elements are written in fp32, fp16 or bf16");
        }
    }
}
