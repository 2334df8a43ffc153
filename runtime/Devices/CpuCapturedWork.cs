using System;

namespace GptEngine.Runtime.Devices;

/// <summary>The CPU device's replayable work: the delegate itself.</summary>
internal sealed class CpuCapturedWork(Action work) : CapturedWork
{
    public override void Launch() => work();

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
