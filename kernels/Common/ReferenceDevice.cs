using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>The plainest device: host memory, and every operation done when its call returns.</summary>
public sealed class ReferenceDevice : Device
{
    public override string Name => "reference, plain loops on the host";

    public override DeviceMemory Allocate(long bytes) => new HostMemory(bytes);

    public override PinnedBuffer AllocatePinned(long bytes) => new HostBuffer(bytes);

    public override unsafe void Upload(PinnedBuffer source, long offsetBytes, Tensor destination) =>
        source.AsSpan<byte>(offsetBytes, checked((int)destination.Bytes)).CopyTo(new Span<byte>((void*)destination.Address, (int)destination.Bytes));

    public override unsafe void Download(Tensor source, PinnedBuffer destination, long offsetBytes) =>
        new Span<byte>((void*)source.Address, checked((int)source.Bytes)).CopyTo(destination.AsSpan<byte>(offsetBytes, (int)source.Bytes));

    public override DeviceEvent CreateEvent() => new PassedEvent();

    public override void Synchronize()
    {
        // Nothing is ever pending.
    }

    public override CapturedWork Capture(string name, Action work) => new Replay(work);

    protected override void Dispose(bool disposing)
    {
        // Its memory belongs to those who took it.
    }

    private static unsafe nuint Take(long bytes)
    {
        nuint size = (nuint)Math.Max(bytes, 1);
        void* address = NativeMemory.AlignedAlloc(size, (nuint)MemoryPlan.Alignment);
        NativeMemory.Clear(address, size);
        return (nuint)address;
    }

    private sealed class HostMemory(long bytes) : DeviceMemory
    {
        private nuint _address = Take(bytes);

        public override nuint Address => _address;

        public override long Bytes { get; } = bytes;

        ~HostMemory() => Dispose(disposing: false);

        protected override unsafe void Dispose(bool disposing)
        {
            NativeMemory.AlignedFree((void*)_address);
            _address = 0;
        }
    }

    private sealed class HostBuffer(long bytes) : PinnedBuffer
    {
        private nuint _address = Take(bytes);

        public override nuint Address => _address;

        public override long Bytes { get; } = bytes;

        ~HostBuffer() => Dispose(disposing: false);

        protected override unsafe void Dispose(bool disposing)
        {
            NativeMemory.AlignedFree((void*)_address);
            _address = 0;
        }
    }

    private sealed class PassedEvent : DeviceEvent
    {
        private long _stamp;

        // What is recorded has been done already.
        public override void Record() => _stamp = Stopwatch.GetTimestamp();

        public override void Wait()
        {
            // As above.
        }

        public override double ElapsedMsSince(DeviceEvent start) => Stopwatch.GetElapsedTime(((PassedEvent)start)._stamp, _stamp).TotalMilliseconds;

        protected override void Dispose(bool disposing)
        {
            // Holds nothing.
        }
    }

    private sealed class Replay(Action work) : CapturedWork
    {
        public override void Launch() => work();

        protected override void Dispose(bool disposing)
        {
            // Holds nothing.
        }
    }
}
