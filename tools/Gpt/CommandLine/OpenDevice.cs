using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.CommandLine;

/// <summary>A device and its operations, closed together and in order.</summary>
internal sealed class OpenDevice(Device device, IOperations operations) : IDisposable
{
    public IOperations Operations { get; } = operations;

    public void Dispose()
    {
        (Operations as IDisposable)?.Dispose();
        device.Dispose();
    }
}
