using System;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>
/// For a GPU: the calls of a sample are one CUDA graph, as a training step is, launched between events. So the time is the GPU's, launch
/// gaps within a graph included, and the host's is not.
/// </summary>
/// <param name="device">The GPU.</param>
internal sealed class GraphTimer(GpuDevice device) : CallTimer
{
    public override (double[] Seconds, int CallsPerSample) Time(Action<int> call, int sets, double seconds)
    {
        // The first turn compiles and picks algorithms; neither may happen in a capture.
        Enqueue(call, sets, sets);
        device.Synchronize();
        double estimate;
        using (CapturedWork turn = device.Capture("benchmark turn", () => Enqueue(call, sets, sets)))
        {
            Samples(turn, 1);
            estimate = Samples(turn, 3)[^1] / sets;
        }

        int calls = CallsFor(estimate, sets);
        using CapturedWork sample = device.Capture("benchmark sample", () => Enqueue(call, sets, calls));
        Samples(sample, 1);
        int count = (int)Math.Clamp(seconds / Math.Max(estimate * calls, 1e-9), LeastSamples, MostSamples);
        double[] samples = Samples(sample, count);
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] /= calls;
        }

        return (samples, calls);
    }

    private static void Enqueue(Action<int> call, int sets, int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            call(i % sets);
        }
    }

    /// <summary>Seconds from event to event with a launch between each two, all enqueued before the first is waited for.</summary>
    private double[] Samples(CapturedWork work, int count)
    {
        var events = new GpuEvent[count + 1];
        try
        {
            for (int i = 0; i <= count; i++)
            {
                events[i] = device.Driver.CreateEvent();
            }

            events[0].Record(device.Stream);
            for (int i = 1; i <= count; i++)
            {
                work.Launch();
                events[i].Record(device.Stream);
            }

            events[count].Synchronize();
            double[] seconds = new double[count];
            for (int i = 0; i < count; i++)
            {
                seconds[i] = 1e-3 * events[i + 1].ElapsedMsSince(events[i]);
            }

            return seconds;
        }
        finally
        {
            foreach (GpuEvent? mark in events)
            {
                mark?.Dispose();
            }
        }
    }
}
