using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Cuda;

/// <summary>Owns a stream, an event, a module or a graph of the driver.</summary>
internal sealed class CudaHandle : SafeHandle
{
    private readonly Func<nint, int> _release;

    /// <param name="value">The handle.</param>
    /// <param name="release">Gives it back; its status says whether that went well.</param>
    internal CudaHandle(nint value, Func<nint, int> release)
        : base(0, ownsHandle: true)
    {
        _release = release;
        SetHandle(value);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>For calls: valid as long as nobody disposes of this.</summary>
    internal nint Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    protected override bool ReleaseHandle() => _release(handle) == CudaNative.Success;
}
