using System;

namespace GptEngine.Engine.Benchmarking;

/// <summary>How a measurement spreads.</summary>
/// <param name="Median">Half of the values are at most this.</param>
/// <param name="P10">A tenth of the values are at most this.</param>
/// <param name="P90">Nine tenths of the values are at most this.</param>
/// <param name="Min">The smallest.</param>
/// <param name="Max">The largest.</param>
public readonly record struct Quantiles(double Median, double P10, double P90, double Min, double Max)
{
    /// <summary>Of at least one value; between two values the quantile lies on the line between them (Hyndman and Fan 1996, definition 7).</summary>
    public static Quantiles Of(ReadOnlySpan<double> values)
    {
        ArgumentOutOfRangeException.ThrowIfZero(values.Length);
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        return new Quantiles(At(sorted, 0.5), At(sorted, 0.1), At(sorted, 0.9), sorted[0], sorted[^1]);
    }

    private static double At(double[] sorted, double part)
    {
        double place = part * (sorted.Length - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
