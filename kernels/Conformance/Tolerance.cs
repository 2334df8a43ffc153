using System;
using System.Collections.Generic;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// The one rule by which numbers count as right: the error against the double oracle is at most twice the error of the plain reference run
/// in the kernel's own storage type, plus one unit in the last place of the largest value. Where few numbers or a lucky cancellation would
/// leave the plain reference without any error, its error is that of runs whose inputs were moved by up to one unit in the last place too:
/// what the storage type cannot tell apart, no kernel can.
/// </summary>
public static class Tolerance
{
    /// <summary>The largest error allowed.</summary>
    /// <param name="oracle">The result in double.</param>
    /// <param name="plain">The same from the plain reference in the storage type: as it is, and with inputs moved.</param>
    /// <param name="type">The type that the result is stored in.</param>
    public static double Bound(ReadOnlySpan<double> oracle, IEnumerable<double[]> plain, DataType type)
    {
        ArgumentNullException.ThrowIfNull(plain);
        double error = 0;
        foreach (double[] values in plain)
        {
            for (int i = 0; i < oracle.Length; i++)
            {
                double difference = Math.Abs(oracle[i] - values[i]);
                error = double.IsFinite(difference) ? Math.Max(error, difference) : error;
            }
        }

        double largest = 0;
        foreach (double value in oracle)
        {
            largest = double.IsFinite(value) ? Math.Max(largest, Math.Abs(value)) : largest;
        }

        return (2 * error) + UnitInTheLastPlace(largest, type);
    }

    /// <summary>max |a − b|; infinite where only one of them is finite or one is NaN.</summary>
    public static double LargestError(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual)
    {
        double error = expected.Length == actual.Length ? 0 : double.PositiveInfinity;
        for (int i = 0; i < Math.Min(expected.Length, actual.Length); i++)
        {
            // Equal infinities and NaN where NaN is due are no error.
            if (!expected[i].Equals(actual[i]))
            {
                double difference = Math.Abs(expected[i] - actual[i]);
                error = Math.Max(error, double.IsNaN(difference) ? double.PositiveInfinity : difference);
            }
        }

        return error;
    }

    /// <summary>‖actual − expected‖ / ‖expected‖.</summary>
    public static double RelativeNorm(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual)
    {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        return difference == 0 ? 0 : Math.Sqrt(difference / norm);
    }

    /// <summary>The distance from <paramref name="value"/> to the next number of the type.</summary>
    public static double UnitInTheLastPlace(double value, DataType type) => type switch
    {
        DataType.Float64 => Math.BitIncrement(value) - value,
        DataType.Float32 => (double)MathF.BitIncrement((float)value) - (float)value,
        DataType.Float16 => (double)Half.BitIncrement((Half)value) - (double)(Half)value,
        DataType.BFloat16 => ((double)MathF.BitIncrement((float)value) - (float)value) * (1 << 16),
        _ => 0,
    };

    /// <summary>Units in the last place of fp32 that make one of tf32, which keeps 10 bits of the mantissa.</summary>
    public const double Tf32UnitsOfFloat32 = 1 << 13;

    /// <summary>The nearest number of the tensor cores' tf32, ties away from zero.</summary>
    public static double RoundToTf32(double value)
    {
        uint bits = BitConverter.SingleToUInt32Bits((float)value);
        return double.IsFinite(value) ? BitConverter.UInt32BitsToSingle((bits + (1 << 12)) & ~((1u << 13) - 1)) : value;
    }

    /// <summary>The nearest number of the type.</summary>
    public static double Round(double value, DataType type) => type switch
    {
        DataType.Float32 => (float)value,
        DataType.Float16 => (double)(Half)value,
        DataType.BFloat16 => RoundToBFloat16((float)value),
        _ => value,
    };

    private static float RoundToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000);
    }
}
