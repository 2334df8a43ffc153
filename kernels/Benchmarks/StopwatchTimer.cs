using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>For a device whose work is done when a call returns.</summary>
internal sealed class StopwatchTimer : CallTimer
{
    public override (double[] Seconds, int CallsPerSample) Time(Action<int> call, int sets, double seconds)
    {
        int next = 0;
        Sample(call, sets, sets, ref next);
        int calls = CallsFor(Sample(call, sets, sets, ref next), sets);
        var samples = new List<double>();
        var all = Stopwatch.StartNew();
        while (samples.Count < LeastSamples || (samples.Count < MostSamples && all.Elapsed.TotalSeconds < seconds))
        {
            samples.Add(Sample(call, sets, calls, ref next));
        }

        return ([.. samples], calls);
    }

    // The sets go on where the sample before left them.
    private static double Sample(Action<int> call, int sets, int calls, ref int next)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            call(next);
            next = (next + 1) % sets;
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }
}
