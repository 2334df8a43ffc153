using System;
using System.Collections.Generic;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// What operations' costs depend on and only a micro-batch's content tells: pairs of a query and a key that it sees, and different tokens. Read
/// from the device, which is waited for.
/// </summary>
internal sealed class BatchFacts(Device device) : IDisposable
{
    private Tensor? _documentStart;
    private PinnedBuffer? _host;

    /// <summary>Over all sequences; null until known.</summary>
    public long? AttentionPairs { get; private set; }

    /// <summary>null until known.</summary>
    public long? DistinctTokens { get; private set; }

    /// <summary>Remembers where document starts are, which only attention is told.</summary>
    public void Remember(Tensor documentStart) => _documentStart = documentStart;

    /// <summary>Reads what a micro-batch holds now.</summary>
    /// <param name="tokens">(B, T) int32.</param>
    public void Read(Tensor tokens)
    {
        DistinctTokens = new HashSet<int>(Download(tokens).ToArray()).Count;
        if (_documentStart is not { } documentStart)
        {
            return;
        }

        long pairs = 0;
        int time = (int)documentStart[1];
        ReadOnlySpan<int> starts = Download(documentStart);
        for (int i = 0; i < starts.Length; i++)
        {
            pairs += (i % time) - starts[i] + 1;
        }

        AttentionPairs = pairs;
    }

    public void Dispose() => _host?.Dispose();

    private ReadOnlySpan<int> Download(Tensor tensor)
    {
        if (_host is null || _host.Bytes < tensor.Bytes)
        {
            _host?.Dispose();
            _host = device.AllocatePinned(tensor.Bytes);
        }

        device.Download(tensor, _host, 0);
        device.Synchronize();
        return _host.AsSpan<int>(0, (int)tensor.Count);
    }
}
