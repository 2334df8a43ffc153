using System;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// Moves tensors of any size between the device and the host through two pinned chunks, so that a model of 4 GB never has a second full
/// copy in host memory: while one chunk is on its way, the host works on the other. Not for use inside a step.
/// </summary>
public sealed class TensorTransfer : IDisposable
{
    // A multiple of every element's size; large enough that a transfer's start-up cost vanishes.
    private const int ChunkElements = 1 << 20;

    private readonly Device _device;
    private readonly PinnedBuffer[] _chunks = new PinnedBuffer[2];
    private readonly DeviceEvent[] _events = new DeviceEvent[2];
    private readonly float[] _floats = new float[ChunkElements];

    public TensorTransfer(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
        for (int i = 0; i < _chunks.Length; i++)
        {
            _chunks[i] = device.AllocatePinned(ChunkElements * sizeof(double));
            _events[i] = device.CreateEvent();
        }
    }

    /// <summary>Writes the floats from <paramref name="offset"/> on.</summary>
    public delegate void Fill(long offset, Span<float> destination);

    /// <summary>Takes the floats from <paramref name="offset"/> on.</summary>
    public delegate void Take(long offset, ReadOnlySpan<float> source);

    /// <summary>Fills the first <paramref name="count"/> elements of a tensor, chunk by chunk in order.</summary>
    public void Upload(Tensor destination, long count, Fill fill)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(fill);
        int slot = 0;
        long chunks = 0;
        for (long offset = 0; offset < count; offset += ChunkElements, slot ^= 1, chunks++)
        {
            int length = (int)Math.Min(ChunkElements, count - offset);
            if (chunks >= 2)
            {
                _events[slot].Wait();
            }

            Span<float> floats = _floats.AsSpan(0, length);
            fill(offset, floats);
            int bytes = length * destination.Type.SizeInBytes();
            ElementConversion.FromFloats(floats, destination.Type, _chunks[slot].AsSpan<byte>(0, bytes));
            _device.Upload(_chunks[slot], 0, destination.View(destination.Name, offset, length));
            _events[slot].Record();
        }

        _device.Synchronize();
    }

    /// <summary>Hands over the first <paramref name="count"/> elements of a tensor, chunk by chunk in order.</summary>
    public void Download(Tensor source, long count, Take take)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(take);
        if (count > 0)
        {
            Request(source, 0, count, slot: 0);
        }

        int slot = 0;
        for (long offset = 0; offset < count; offset += ChunkElements, slot ^= 1)
        {
            if (offset + ChunkElements < count)
            {
                Request(source, offset + ChunkElements, count, slot ^ 1);
            }

            _events[slot].Wait();
            int length = (int)Math.Min(ChunkElements, count - offset);
            Span<float> floats = _floats.AsSpan(0, length);
            ElementConversion.ToFloats(_chunks[slot].AsSpan<byte>(0, length * source.Type.SizeInBytes()), source.Type, floats);
            take(offset, floats);
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _chunks.Length; i++)
        {
            _chunks[i].Dispose();
            _events[i].Dispose();
        }
    }

    private void Request(Tensor source, long offset, long count, int slot)
    {
        long length = Math.Min(ChunkElements, count - offset);
        _device.Download(source.View(source.Name, offset, length), _chunks[slot], 0);
        _events[slot].Record();
    }
}
