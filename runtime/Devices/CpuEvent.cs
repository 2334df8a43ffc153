namespace GptEngine.Runtime.Devices;

/// <summary>A mark in the CPU device's order of work, which is always behind it.</summary>
internal sealed class CpuEvent : DeviceEvent
{
    public override void Record()
    {
        // Work runs when it is enqueued: there is none before the mark.
    }

    public override void Wait()
    {
        // As above.
    }

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }
}
