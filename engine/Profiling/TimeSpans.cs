using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Engine.Profiling;

/// <summary>A set of instants, as stretches of seconds that neither touch nor overlap, in order.</summary>
internal sealed class TimeSpans
{
    private readonly List<(double Start, double End)> _spans = [];

    /// <param name="spans">In any order; they may overlap. What is empty counts for nothing.</param>
    public TimeSpans(IEnumerable<(double Start, double End)> spans)
    {
        ArgumentNullException.ThrowIfNull(spans);
        foreach ((double start, double end) in spans.Where(span => span.End > span.Start).OrderBy(span => span.Start))
        {
            if (_spans.Count > 0 && start <= _spans[^1].End)
            {
                _spans[^1] = (_spans[^1].Start, Math.Max(end, _spans[^1].End));
            }
            else
            {
                _spans.Add((start, end));
            }
        }
    }

    /// <summary>How long all stretches are.</summary>
    public double Seconds => _spans.Sum(span => span.End - span.Start);

    /// <summary>How long both are at once.</summary>
    public double SecondsBeside(TimeSpans other)
    {
        ArgumentNullException.ThrowIfNull(other);
        double seconds = 0;
        for (int i = 0, j = 0; i < _spans.Count && j < other._spans.Count;)
        {
            double end = Math.Min(_spans[i].End, other._spans[j].End);
            seconds += Math.Max(0, end - Math.Max(_spans[i].Start, other._spans[j].Start));
            (i, j) = _spans[i].End <= end ? (i + 1, j) : (i, j + 1);
        }

        return seconds;
    }
}
