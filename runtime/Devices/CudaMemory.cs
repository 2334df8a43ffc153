using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Devices;

/// <summary>Memory of a GPU.</summary>
internal sealed class CudaMemory(GpuDriver driver, DevicePointer pointer, long bytes) : DeviceMemory
{
    private bool _isFreed;

    public override nuint Address => (nuint)pointer.Address;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing)
    {
        if (!_isFreed)
        {
            _isFreed = true;
            driver.Free(pointer);
        }
    }
}
