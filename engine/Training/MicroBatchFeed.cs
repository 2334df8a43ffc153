using System;
using System.Linq;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Model;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Training;

/// <summary>
/// Brings micro-batches to the device: a loader fills pinned slots ahead of the training on a thread of its own, each upload is enqueued,
/// and a slot goes back to the loader once its copy has passed.
/// </summary>
internal sealed class MicroBatchFeed : IDisposable
{
    private const int Slots = 3;

    private readonly Device _device;
    private readonly BatchTensors _batch;
    private readonly TokenLoaderOptions _options;
    private readonly PinnedBuffer[] _slots;
    private readonly DeviceEvent[] _copied;
    private readonly TokenLoader _loader;
    private long _taken;
    private long _released;

    /// <param name="device">Where batches go.</param>
    /// <param name="batch">Their place there.</param>
    /// <param name="sampler">What to read.</param>
    /// <param name="firstWindow">The window of the first step.</param>
    /// <param name="steps">How many steps will be taken at most.</param>
    public MicroBatchFeed(Device device, BatchTensors batch, BatchSampler sampler, long firstWindow, long steps)
    {
        _device = device;
        _batch = batch;
        _options = sampler.Options;
        _slots = [.. Enumerable.Range(0, Slots).Select(_ => device.AllocatePinned(batch.All.Bytes))];
        _copied = [.. Enumerable.Range(0, Slots).Select(_ => device.CreateEvent())];
        nint part = (nint)batch.Tokens.Bytes;
        TokenBatch[] ring =
        [
            .. _slots.Select(slot => new TokenBatch(
                (nint)slot.Address, (nint)slot.Address + part, (nint)slot.Address + (2 * part), _options.MicroBatch, _options.ContextLength)),
        ];
        _loader = new TokenLoader(sampler, ring, firstWindow, steps);
    }

    /// <summary>Enqueues the upload of the next micro-batch.</summary>
    public void UploadNext()
    {
        if (_taken - _released == Slots - 1)
        {
            _copied[_released % Slots].Wait();
            _loader.Release();
            _released++;
        }

        TokenBatch tokens = _loader.Next();
        PinnedBuffer slot = _slots[_taken % Slots];
        Span<int> sequences = slot.AsSpan<int>(3 * _batch.Tokens.Bytes, _options.MicroBatch);
        for (int row = 0; row < sequences.Length; row++)
        {
            sequences[row] = (int)(_options.Rank + ((((long)tokens.MicroStep * _options.MicroBatch) + row) * _options.WorldSize));
        }

        _device.Upload(slot, 0, _batch.All);
        _copied[_taken % Slots].Record();
        _taken++;
    }

    public void Dispose()
    {
        _loader.Dispose();

        // Copies may still be reading the slots.
        _device.Synchronize();
        for (int slot = 0; slot < Slots; slot++)
        {
            _slots[slot].Dispose();
            _copied[slot].Dispose();
        }
    }
}
