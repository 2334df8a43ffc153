using System;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cuda;

/// <summary>A GPU as the engine's device, real or simulated: all work goes to one stream.</summary>
/// <param name="driver">The GPU; the device owns it.</param>
public sealed class GpuDevice(GpuDriver driver) : Device
{
    public override string Name => driver.Properties.Name;

    /// <summary>The GPU.</summary>
    public GpuDriver Driver => driver;

    /// <summary>The order of work.</summary>
    public GpuStream Stream { get; } = driver.CreateStream();

    public override DeviceMemory Allocate(long bytes)
    {
        try
        {
            var memory = new GpuMemory(driver, Math.Max(bytes, 1));
            driver.Fill(new DevicePointer(memory.Address), 0, memory.Bytes, Stream);
            return memory;
        }
        catch (GpuException failure) when (failure.Code == "CUDA_ERROR_OUT_OF_MEMORY")
        {
            (long free, long total) = driver.MemoryInfo;
            throw new UserErrorException(
                $"{Name} has {free >> 20} MiB of {total >> 20} MiB free, and {bytes >> 20} MiB are needed. Take a smaller micro-batch or model, or free the GPU.",
                ExitCode.Failed,
                failure);
        }
    }

    public override PinnedBuffer AllocatePinned(long bytes) => new GpuPinnedBuffer(driver, Math.Max(bytes, 1));

    public override void Upload(PinnedBuffer source, long offsetBytes, Tensor destination) => driver.CopyToDevice(
        new DevicePointer(destination.Address), AddressIn(source, offsetBytes, destination.Bytes), destination.Bytes, Stream);

    public override void Download(Tensor source, PinnedBuffer destination, long offsetBytes) => driver.CopyToHost(
        AddressIn(destination, offsetBytes, source.Bytes), new DevicePointer(source.Address), source.Bytes, Stream);

    public override DeviceEvent CreateEvent() => new StreamEvent(driver.CreateEvent(), Stream);

    public override void Synchronize() => driver.Synchronize();

    public override CapturedWork Capture(string name, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        Stream.BeginCapture();
        GpuGraph graph;
        try
        {
            work();
        }
        finally
        {
            graph = Stream.EndCapture();
        }

        return new StreamGraph(graph, Stream);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Stream.Dispose();
            driver.Dispose();
        }
    }

    private static nint AddressIn(PinnedBuffer buffer, long offsetBytes, long bytes) =>
        offsetBytes >= 0 && offsetBytes <= buffer.Bytes - bytes
            ? (nint)buffer.Address + (nint)offsetBytes
            : throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, $"{bytes} bytes from there are not within {buffer.Bytes} bytes");

    private sealed class GpuMemory(GpuDriver driver, long bytes) : DeviceMemory
    {
        private DevicePointer _pointer = driver.Allocate(bytes, "device memory");

        public override nuint Address => (nuint)_pointer.Address;

        public override long Bytes => bytes;

        protected override void Dispose(bool disposing)
        {
            if (disposing && _pointer.Address != 0)
            {
                driver.Free(_pointer);
                _pointer = default;
            }
        }
    }

    private sealed class GpuPinnedBuffer(GpuDriver driver, long bytes) : PinnedBuffer
    {
        private nint _address = driver.AllocatePinned(bytes);

        public override nuint Address => (nuint)_address;

        public override long Bytes => bytes;

        protected override void Dispose(bool disposing)
        {
            if (disposing && _address != 0)
            {
                driver.FreePinned(_address);
                _address = 0;
            }
        }
    }

    private sealed class StreamEvent(GpuEvent signal, GpuStream stream) : DeviceEvent
    {
        public override void Record() => signal.Record(stream);

        public override void Wait() => signal.Synchronize();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                signal.Dispose();
            }
        }
    }

    private sealed class StreamGraph(GpuGraph graph, GpuStream stream) : CapturedWork
    {
        public override void Launch() => graph.Launch(stream);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                graph.Dispose();
            }
        }
    }
}
