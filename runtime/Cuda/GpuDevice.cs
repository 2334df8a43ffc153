using System;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// A GPU, real or simulated, as the engine's device. Work runs in order on the compute stream. Uploads travel on a stream of their own into
/// staging memory while the GPU computes; a copy within the device, in its place on the compute stream, brings them to where they belong.
/// </summary>
public sealed class GpuDevice : Device
{
    /// <summary>Kept from plans: for the code of kernels and graphs, staging of uploads, collectives' buffers, and measuring matrix products and kernels.</summary>
    private const long ReservedBytes = 1L << 30;

    private readonly GpuDriver _driver;
    private readonly UploadQueue _uploads;
    private readonly bool _usesGraphs;

    /// <param name="driver">The GPU; the device owns it.</param>
    /// <param name="usesGraphs">Whether captured work becomes a graph; without, it is enqueued anew each time: the same bits, for comparison.</param>
    public GpuDevice(GpuDriver driver, bool usesGraphs = true)
    {
        ArgumentNullException.ThrowIfNull(driver);
        _driver = driver;
        _usesGraphs = usesGraphs;
        Stream = driver.CreateStream();
        _uploads = new UploadQueue(driver, Stream);
    }

    public override string Name => _driver.Properties.Name;

    public override bool IsAsynchronous => true;

    public override (long Free, long Total)? MemoryInfo => _driver.MemoryInfo;

    /// <summary>The GPU.</summary>
    public GpuDriver Driver => _driver;

    /// <summary>The order of work: the compute stream.</summary>
    public GpuStream Stream { get; }

    /// <summary>Whether work is being recorded, or gone through for it, and not run.</summary>
    public bool IsCapturing => Stream.IsRecording || Stream.IsRehearsing;

    public override long? PlannableBytes => Math.Max(0, _driver.MemoryInfo.Free - ReservedBytes);

    public override DeviceMemory Allocate(long bytes)
    {
        try
        {
            var memory = new GpuMemory(_driver, Math.Max(bytes, 1));
            _driver.Fill(new DevicePointer(memory.Address), 0, memory.Bytes, Stream);
            return memory;
        }
        catch (GpuException failure) when (failure.Code == "CUDA_ERROR_OUT_OF_MEMORY")
        {
            (long free, long total) = _driver.MemoryInfo;
            throw new UserErrorException(
                $"{Name} has {free >> 20} MiB of {total >> 20} MiB free, and {bytes >> 20} MiB are needed. Take a smaller micro-batch or model, or free the GPU.",
                ExitCode.Failed,
                failure);
        }
    }

    public override PinnedBuffer AllocatePinned(long bytes) => new GpuPinnedBuffer(_driver, Math.Max(bytes, 1));

    public override void Upload(PinnedBuffer source, long offsetBytes, Tensor destination)
    {
        CheckNotCapturing("An upload");
        _uploads.Enqueue(AddressIn(source, offsetBytes, destination.Bytes), new DevicePointer(destination.Address), destination.Bytes);
    }

    public override void Download(Tensor source, PinnedBuffer destination, long offsetBytes)
    {
        CheckNotCapturing("A download");
        _driver.CopyToHost(AddressIn(destination, offsetBytes, source.Bytes), new DevicePointer(source.Address), source.Bytes, Stream);
    }

    public override DeviceEvent CreateEvent() => new StreamEvent(_driver.CreateEvent(), Stream);

    public override void Synchronize() => _driver.Synchronize();

    public override CapturedWork Capture(string name, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        CheckNotCapturing($"The capture of {name}");
        if (!_usesGraphs)
        {
            return new DirectWork(work);
        }

        Rehearse(work);
        Stream.BeginCapture();
        Stream.IsRecording = true;
        try
        {
            work();
        }
        catch (Exception failed)
        {
            // The stream must leave its recording, or nothing could run on it again.
            Stream.IsRecording = false;
            try
            {
                Stream.EndCapture().Dispose();
            }
            catch (GpuException broken)
            {
                throw new AggregateException($"The capture of {name} failed, and so did ending it.", failed, broken);
            }

            throw;
        }

        Stream.IsRecording = false;
        return new StreamGraph(Stream.EndCapture(), Stream);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _uploads.Dispose();
            Stream.Dispose();
            _driver.Dispose();
        }
    }

    /// <summary>All that the work compiles, loads and measures, without running any of it.</summary>
    private void Rehearse(Action work)
    {
        Stream.IsRehearsing = true;
        try
        {
            work();
        }
        finally
        {
            Stream.IsRehearsing = false;
        }
    }

    private void CheckNotCapturing(string what)
    {
        if (IsCapturing)
        {
            throw new InvalidOperationException($"{what} cannot be part of captured work: the host's side of it would be frozen.");
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
        private readonly GpuEvent _signal = signal;

        public override void Record() => _signal.Record(stream);

        public override void Wait() => _signal.Synchronize();

        public override double ElapsedMsSince(DeviceEvent start) => _signal.ElapsedMsSince(((StreamEvent)start)._signal);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _signal.Dispose();
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
