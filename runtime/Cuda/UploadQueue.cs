using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// Uploads beside the computation: the copy from the host runs on a stream of its own into a staging slot, whatever the GPU is still
/// doing with the destination; the copy from the slot waits its turn on the compute stream. What is too large for a slot goes straight
/// to its destination, behind all work before it.
/// </summary>
internal sealed class UploadQueue : IDisposable
{
    // A micro-batch of 64 × 1024 tokens with its targets and document starts takes 768 KiB.
    private const long SlotBytes = 1 << 20;
    private const int Slots = 2;

    private readonly GpuDriver _driver;
    private readonly GpuStream _compute;
    private readonly GpuStream _copies;
    private readonly DevicePointer _staging;
    private readonly GpuEvent _reached;
    private readonly GpuEvent[] _arrived = new GpuEvent[Slots];
    private readonly GpuEvent[] _emptied = new GpuEvent[Slots];
    private int _next;

    internal UploadQueue(GpuDriver driver, GpuStream compute)
    {
        _driver = driver;
        _compute = compute;
        _copies = driver.CreateStream();
        _staging = driver.Allocate(Slots * SlotBytes, "upload staging");
        _reached = driver.CreateEvent();
        for (int slot = 0; slot < Slots; slot++)
        {
            _arrived[slot] = driver.CreateEvent();
            _emptied[slot] = driver.CreateEvent();
        }
    }

    internal void Enqueue(nint source, DevicePointer destination, long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        int slot = _next;
        _next = (_next + 1) % Slots;
        if (bytes > SlotBytes)
        {
            _reached.Record(_compute);
            _copies.Wait(_reached);
            _driver.CopyToDevice(destination, source, bytes, _copies);
            _arrived[slot].Record(_copies);
            _compute.Wait(_arrived[slot]);
            return;
        }

        // An event never recorded counts as passed.
        DevicePointer staged = _staging + (slot * SlotBytes);
        _copies.Wait(_emptied[slot]);
        _driver.CopyToDevice(staged, source, bytes, _copies);
        _arrived[slot].Record(_copies);
        _compute.Wait(_arrived[slot]);
        _driver.CopyOnDevice(destination, staged, bytes, _compute);
        _emptied[slot].Record(_compute);
    }

    public void Dispose()
    {
        _driver.Synchronize();
        for (int slot = 0; slot < Slots; slot++)
        {
            _arrived[slot].Dispose();
            _emptied[slot].Dispose();
        }

        _reached.Dispose();
        _driver.Free(_staging);
        _copies.Dispose();
    }
}
