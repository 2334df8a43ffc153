using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Collectives of simulated GPUs, in the time of their <see cref="RooflineClock"/>: each takes the least that the links' data sheet allows for
/// what a rank sends in a ring, from when the work before it and the collective before it are done. No latency, and all ranks alike: what is
/// hidden of it on GPUs is less.
/// </summary>
/// <param name="now">The end of the work enqueued so far, in seconds.</param>
/// <param name="bytesPerSecond">That a GPU sends to the next.</param>
public sealed class LinkCollectiveClock(Func<double> now, double bytesPerSecond) : CollectiveClock
{
    private readonly List<(double Start, double End)> _spans = [];

    /// <summary>When the last of those enqueued so far has ended.</summary>
    public double LastEnd { get; private set; }

    public override void Enqueue(double wireBytes)
    {
        double start = Math.Max(now(), LastEnd);
        LastEnd = start + (wireBytes / bytesPerSecond);
        _spans.Add((start, LastEnd));
    }

    public override void Begin(GpuStream? queue)
    {
        // When the host does it says nothing of a GPU.
    }

    public override void End(GpuStream? queue)
    {
        // As above.
    }

    public override (double Start, double End) Read(int collective) => _spans[collective];

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
