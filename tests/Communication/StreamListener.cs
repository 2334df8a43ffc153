using System;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Tests.Communication;

/// <summary>Hears of collectives, each ended before the next begins, on one stream.</summary>
internal sealed class StreamListener : ICollectiveListener
{
    private bool _isOpen;

    internal int Heard { get; private set; }

    internal GpuStream? Stream { get; private set; }

    public void Begin(GpuStream? queue)
    {
        if (_isOpen || queue is null || (Stream is not null && Stream != queue))
        {
            throw new InvalidOperationException("collectives begin one behind the other, on one stream");
        }

        (_isOpen, Stream) = (true, queue);
    }

    public void End(GpuStream? queue)
    {
        if (!_isOpen || queue != Stream)
        {
            throw new InvalidOperationException("what ends has begun, on the same stream");
        }

        _isOpen = false;
        Heard++;
    }
}
