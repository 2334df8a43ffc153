using System;

namespace GptEngine.Runtime.Devices;

/// <summary>Replayable work that is enqueued anew each time: the delegate itself.</summary>
internal sealed class DirectWork(Action work) : CapturedWork
{
    public override void Launch() => work();

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
