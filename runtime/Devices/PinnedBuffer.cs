using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Devices;

/// <summary>Host memory at a fixed address that a device copies from and to by itself.</summary>
public abstract unsafe class PinnedBuffer : IDisposable
{
    public abstract nuint Address { get; }

    public abstract long Bytes { get; }

    /// <summary>The buffer, or <paramref name="count"/> elements of it from byte <paramref name="offsetBytes"/> on.</summary>
    public Span<T> AsSpan<T>(long offsetBytes, int count)
        where T : unmanaged
    {
        if (offsetBytes < 0 || count < 0 || offsetBytes > Bytes - ((long)count * sizeof(T)))
        {
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, $"{count} elements of {sizeof(T)} bytes from there are not within {Bytes} bytes");
        }

        return MemoryMarshal.CreateSpan(ref *(T*)(Address + (nuint)offsetBytes), count);
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
