using System;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>Times calls that take sets of tensors in turn.</summary>
internal abstract class CallTimer
{
    /// <summary>A sample lasts at least this, in seconds, so that what begins and ends it does not count.</summary>
    protected const double SampleSeconds = 1e-3;

    protected const int LeastSamples = 10;
    protected const int MostSamples = 200;
    private const int MostCalls = 1 << 14;

    /// <summary>Calls that take this long sweep the caches by themselves: a sample need not be a whole turn through the sets.</summary>
    private const double LongSampleSeconds = 2e-2;

    /// <summary>Seconds a call, one number a sample. Every set is called once before, and does not count.</summary>
    /// <param name="call">Enqueues one call on a set.</param>
    /// <param name="sets">How many sets there are.</param>
    /// <param name="seconds">How long to measure; the least number of samples is taken whatever it says.</param>
    /// <returns>The samples, and how many calls each is the mean of.</returns>
    public abstract (double[] Seconds, int CallsPerSample) Time(Action<int> call, int sets, double seconds);

    /// <summary>Calls of a sample: whole turns through the sets that last long enough, or as many as make a long sample where a turn is longer.</summary>
    protected static int CallsFor(double secondsPerCall, int sets)
    {
        if (secondsPerCall * sets > LongSampleSeconds)
        {
            return Math.Max(1, (int)(LongSampleSeconds / secondsPerCall));
        }

        double turns = Math.Ceiling(SampleSeconds / Math.Max(secondsPerCall * sets, 1e-9));
        return (int)Math.Clamp(turns, 1, Math.Max(1, MostCalls / sets)) * sets;
    }
}
