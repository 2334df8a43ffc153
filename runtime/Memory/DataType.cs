using System;

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
}
