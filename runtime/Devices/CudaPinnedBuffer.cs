using System;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Devices;

/// <summary>Page-locked host memory, which a GPU copies from and to by itself.</summary>
internal sealed class CudaPinnedBuffer(GpuDriver driver, long bytes) : PinnedBuffer
{
    private nint _pointer = driver.AllocatePinned(Math.Max(bytes, 1));

    public override nuint Address => (nuint)_pointer;

    public override long Bytes => bytes;

    protected override void Dispose(bool disposing)
    {
        if (_pointer != 0)
        {
            driver.FreePinned(_pointer);
            _pointer = 0;
        }
    }
}
