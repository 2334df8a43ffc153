using System;
using System.Collections.Generic;

namespace GptEngine.Engine.Runs;

/// <summary>Points of one curve, in the order of x, thinned as they come so that a year of steps still fits in memory.</summary>
public sealed class PlotSeries
{
    /// <summary>Beyond this many points neighbours are averaged in pairs; a plot has fewer pixels.</summary>
    private const int Capacity = 4096;

    private readonly List<(double X, double Y)> _points = [];
    private int _stride = 1;
    private int _pending;
    private double _sumX;
    private double _sumY;

    /// <summary>The points so far.</summary>
    public IReadOnlyList<(double X, double Y)> Points => _points;

    /// <summary>Adds a point; one that is not finite is left out, as a gap.</summary>
    public void Add(double x, double y)
    {
        if (!double.IsFinite(y))
        {
            return;
        }

        _sumX += x;
        _sumY += y;
        if (++_pending < _stride)
        {
            return;
        }

        _points.Add((_sumX / _pending, _sumY / _pending));
        (_pending, _sumX, _sumY) = (0, 0, 0);
        if (_points.Count >= Capacity)
        {
            Halve();
        }
    }

    /// <summary>Forgets what lies at or beyond <paramref name="x"/>: a run that went back to a checkpoint draws that stretch again.</summary>
    public void TruncateFrom(double x)
    {
        _points.RemoveAll(point => point.X >= x);
        (_pending, _sumX, _sumY) = (0, 0, 0);
    }

    /// <summary>An exponentially weighted mean with the given half-life in points, started at the first value.</summary>
    public IReadOnlyList<(double X, double Y)> Smoothed(double halfLife)
    {
        var smoothed = new List<(double X, double Y)>(_points.Count);
        double decay = Math.Pow(0.5, 1 / Math.Max(halfLife, 1e-9));
        double weight = 0;
        double sum = 0;
        foreach ((double x, double y) in _points)
        {
            weight = (weight * decay) + 1;
            sum = (sum * decay) + y;
            smoothed.Add((x, sum / weight));
        }

        return smoothed;
    }

    private void Halve()
    {
        for (int i = 0; i < Capacity / 2; i++)
        {
            ((double x0, double y0), (double x1, double y1)) = (_points[2 * i], _points[(2 * i) + 1]);
            _points[i] = ((x0 + x1) / 2, (y0 + y1) / 2);
        }

        _points.RemoveRange(Capacity / 2, _points.Count - (Capacity / 2));
        _stride *= 2;
    }
}
