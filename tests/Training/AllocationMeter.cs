using System;
using System.Collections.Generic;
using GptEngine.Engine.Training;

namespace GptEngine.Tests.Training;

/// <summary>Counts the managed bytes that the thread which trains allocates from one step's report to the next.</summary>
internal sealed class AllocationMeter : ITrainingObserver
{
    private long _last;

    public List<long> BytesPerStep { get; } = new(1000);

    public void OnStep(in StepReport report)
    {
        long now = GC.GetAllocatedBytesForCurrentThread();
        BytesPerStep.Add(now - _last);
        _last = GC.GetAllocatedBytesForCurrentThread();
    }
}
