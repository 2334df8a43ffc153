using System;
using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Engine.Runs;

/// <summary>A linear axis: a range of values over a range of pixels, with ticks at round numbers (Heckbert 1990, "Nice numbers for graph labels").</summary>
internal readonly struct PlotAxis
{
    private readonly double _step;

    public PlotAxis(double low, double high, double pixelLow, double pixelHigh, int ticks)
    {
        if (!(high > low))
        {
            double half = Math.Max(Math.Abs(low) * 0.05, 1e-9);
            (low, high) = (low - half, high + half);
        }

        double raw = (high - low) / Math.Max(1, ticks);
        double magnitude = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        _step = magnitude * ((raw / magnitude) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        (Low, High, PixelLow, PixelHigh) = (low, high, pixelLow, pixelHigh);
    }

    public double Low { get; }

    public double High { get; }

    public double PixelLow { get; }

    public double PixelHigh { get; }

    public double Map(double value) => PixelLow + ((value - Low) / (High - Low) * (PixelHigh - PixelLow));

    public IEnumerable<double> Ticks()
    {
        // Counted, not summed: repeated addition would drift off the round numbers.
        double first = Math.Ceiling((Low / _step) - 1e-9);
        for (int i = 0; (first + i) * _step <= High + (_step * 1e-9); i++)
        {
            yield return (first + i) * _step;
        }
    }

    /// <summary>A tick's label: 1.5k, 20M, 6e-4, 3.25.</summary>
    public static string Label(double value)
    {
        double size = Math.Abs(value);
        return size switch
        {
            0 => "0",
            < 1e-2 => value.ToString("0.##e-0", CultureInfo.InvariantCulture),
            < 1e3 => value.ToString("0.###", CultureInfo.InvariantCulture),
            < 1e6 => (value / 1e3).ToString("0.###", CultureInfo.InvariantCulture) + "k",
            < 1e9 => (value / 1e6).ToString("0.###", CultureInfo.InvariantCulture) + "M",
            _ => (value / 1e9).ToString("0.###", CultureInfo.InvariantCulture) + "B",
        };
    }
}
