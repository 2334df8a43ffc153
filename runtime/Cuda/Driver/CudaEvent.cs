using GptEngine.Runtime.Native.Cuda;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>An event of the driver.</summary>
internal sealed class CudaEvent : GpuEvent
{
    private readonly CudaDriver _driver;
    private readonly CudaHandle _event;

    internal CudaEvent(CudaDriver driver)
    {
        _driver = driver;
        driver.MakeCurrent();
        ThrowIfFailed(cuEventCreate(out nint signal, 0));
        _event = new CudaHandle(signal, cuEventDestroy_v2);
    }

    internal nint Handle => _event.Value;

    public override bool IsDone
    {
        get
        {
            _driver.MakeCurrent();
            int status = cuEventQuery(Handle);
            return status == NotReady ? false : status == Success ? true : throw Failure(status, nameof(cuEventQuery), "");
        }
    }

    public override void Record(GpuStream stream)
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuEventRecord(Handle, CudaDriver.HandleOf(stream)));
    }

    public override void Synchronize()
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuEventSynchronize(Handle));
    }

    public override double ElapsedMsSince(GpuEvent start)
    {
        _driver.MakeCurrent();
        ThrowIfFailed(cuEventElapsedTime(out float milliseconds, ((CudaEvent)start).Handle, Handle));
        return milliseconds;
    }

    public override void Dispose() => _event.Dispose();
}
