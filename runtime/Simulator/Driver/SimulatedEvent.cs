using System.Diagnostics;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A point in a simulated stream: passed as soon as it is recorded. Its time is the host's.</summary>
internal sealed class SimulatedEvent : GpuEvent
{
    private long _stamp;

    public override bool IsDone => true;

    public override void Record(GpuStream stream) => ((SimulatedStream)stream).Add(() => _stamp = Stopwatch.GetTimestamp());

    public override void Synchronize()
    {
        // Passed when recorded.
    }

    public override double ElapsedMsSince(GpuEvent start) =>
        Stopwatch.GetElapsedTime(((SimulatedEvent)start)._stamp, _stamp).TotalMilliseconds;

    public override void Dispose()
    {
        // Nothing is held.
    }
}
