using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>How the device code names what the host names otherwise.</summary>
public static class DeviceTypes
{
    /// <summary>Bytes of the widest access: a pack in the device code.</summary>
    public const int PackBytes = 16;

    /// <summary>Threads of a warp.</summary>
    public const int WarpSize = 32;

    /// <summary>The C++ type of <c>numbers.cuh</c>.</summary>
    public static string DeviceName(this DataType type) => type switch
    {
        DataType.Float32 => "float",
        DataType.Float16 => "Half",
        DataType.BFloat16 => "BFloat16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"kernels store fp32, fp16 or bf16, not {type.ShortName()}"),
    };

    /// <summary>A C++ boolean.</summary>
    public static string DeviceName(this bool value) => value ? "true" : "false";

    /// <summary>Elements of a pack.</summary>
    public static int PackSize(this DataType type) => PackBytes / type.SizeInBytes();

    /// <summary>Whether a tensor of rows of <paramref name="channels"/> elements can be moved pack by pack.</summary>
    public static bool IsPacked(this DataType type, long channels) => channels % type.PackSize() == 0;

    /// <summary>⌈value / divisor⌉ for positive numbers.</summary>
    public static long CeilingDivide(long value, long divisor) => ((value - 1) / divisor) + 1;
}
