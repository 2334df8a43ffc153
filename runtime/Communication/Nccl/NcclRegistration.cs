using System;

namespace GptEngine.Runtime.Communication.Nccl;

/// <summary>Memory that NCCL has been told of, until this is disposed of.</summary>
internal sealed class NcclRegistration(NcclHandle nccl, nint registered) : IDisposable
{
    private bool _isDisposed;

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            nccl.Deregister(registered);
        }
    }
}
