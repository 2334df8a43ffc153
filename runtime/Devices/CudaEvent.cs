using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Devices;

/// <summary>A mark in a GPU's compute stream.</summary>
internal sealed class CudaEvent(GpuDriver driver, GpuStream stream) : DeviceEvent
{
    private readonly GpuEvent _event = driver.CreateEvent();

    public override void Record() => _event.Record(stream);

    public override void Wait() => _event.Synchronize();

    protected override void Dispose(bool disposing) => _event.Dispose();
}
