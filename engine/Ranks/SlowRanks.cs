using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// Finds ranks that all others wait for: those whose own part of a step, before any communication, takes a fifth longer than the
/// median's, over ten steps or as many as take five seconds: of steps of milliseconds a few say more about the scheduler than about a
/// rank. In a run of ranks every step takes as long as the slowest's.
/// </summary>
internal sealed class SlowRanks
{
    // Steps that are looked at together, and seconds that they take at least.
    private const int Steps = 10;
    private const double Seconds = 5;

    private const double Tolerated = 1.2;

    private double[] _sums = [];
    private double[] _sorted = [];
    private int _steps;
    private int[] _known = [];

    /// <summary>Takes every rank's own seconds of a step; a warning where a rank has become slow, else null.</summary>
    public string? Add(ReadOnlySpan<float> seconds)
    {
        // Nothing is known of the first steps yet.
        if (seconds.Length < 2 || seconds.ContainsAnyInRange(float.NegativeInfinity, 0))
        {
            return null;
        }

        if (_sums.Length != seconds.Length)
        {
            (_sums, _sorted) = (new double[seconds.Length], new double[seconds.Length]);
        }

        double longest = 0;
        for (int rank = 0; rank < seconds.Length; rank++)
        {
            _sums[rank] += seconds[rank];
            longest = Math.Max(longest, _sums[rank]);
        }

        return ++_steps < Steps || longest < Seconds ? null : Judge();
    }

    private string? Judge()
    {
        _sums.CopyTo(_sorted, 0);
        Array.Sort(_sorted);
        double median = _sorted[(_sorted.Length - 1) / 2];
        int slow = 0;
        bool isNew = false;
        for (int rank = 0; rank < _sums.Length; rank++)
        {
            if (_sums[rank] > Tolerated * median)
            {
                slow++;
                isNew |= Array.IndexOf(_known, rank) < 0;
            }
        }

        // The same ranks need no second warning; those that have recovered may get one again.
        string? warning = isNew ? Describe(median) : null;
        if (isNew || slow < _known.Length)
        {
            _known = [.. Enumerable.Range(0, _sums.Length).Where(rank => _sums[rank] > Tolerated * median)];
        }

        Array.Clear(_sums);
        _steps = 0;
        return warning;
    }

    private string Describe(double median)
    {
        IEnumerable<string> named = Enumerable.Range(0, _sums.Length).Where(rank => _sums[rank] > Tolerated * median)
            .OrderByDescending(rank => _sums[rank]).Take(8)
            .Select(rank => string.Create(CultureInfo.InvariantCulture, $"rank {rank} takes {_sums[rank] / _steps:G3} s"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Others wait for slow ranks: {string.Join(", ", named)} over its own part of a step, where the median is {median / _steps:G3} s (means of " +
            $"{_steps} steps). Look at the clocks, the heat and the neighbours of their GPUs.");
    }
}
