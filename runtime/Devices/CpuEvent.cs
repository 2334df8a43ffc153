using System.Diagnostics;

namespace GptEngine.Runtime.Devices;

/// <summary>A mark in the CPU device's order of work, which is always behind it.</summary>
internal sealed class CpuEvent : DeviceEvent
{
    private long _stamp;

    // Work runs when it is enqueued: it is done by now.
    public override void Record() => _stamp = Stopwatch.GetTimestamp();

    public override void Wait()
    {
        // As above.
    }

    public override double ElapsedMsSince(DeviceEvent start) => Stopwatch.GetElapsedTime(((CpuEvent)start)._stamp, _stamp).TotalMilliseconds;

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
