using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>For a device whose work is done when a call returns.</summary>
internal sealed class StopwatchTimer : CallTimer
{
    public override (double[] Seconds, int CallsPerSample) Time(Action<int> call, int sets, double seconds)
    {
        Sample(call, sets, sets);
        int calls = CallsFor(Sample(call, sets, sets), sets);
        var samples = new List<double>();
        var all = Stopwatch.StartNew();
        while (samples.Count < LeastSamples || (samples.Count < MostSamples && all.Elapsed.TotalSeconds < seconds))
        {
            samples.Add(Sample(call, sets, calls));
        }

        return ([.. samples], calls);
    }

    private static double Sample(Action<int> call, int sets, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            call(i % sets);
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }
}
