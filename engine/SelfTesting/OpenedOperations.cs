using System;
using GptEngine.Kernels.Common;

namespace GptEngine.Engine.SelfTesting;

/// <summary>Operations and their device, closed together and in order.</summary>
internal sealed class OpenedOperations(IOperations operations) : IDisposable
{
    public IOperations Operations => operations;

    public void Dispose()
    {
        (operations as IDisposable)?.Dispose();
        operations.Device.Dispose();
    }
}
