using System;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Devices;

/// <summary>
/// A GPU, real or simulated, as a device. Work runs in order on the compute stream. Uploads travel on a stream of their own into staging
/// memory while the GPU computes; a copy within the device, in its place on the compute stream, brings them to where they belong.
/// </summary>
public sealed class CudaDevice : Device
{
    private readonly GpuDriver _driver;
    private readonly GpuStream _compute;
    private readonly UploadQueue _uploads;
    private readonly bool _usesGraphs;

    /// <param name="driver">The GPU; closed with the device.</param>
    /// <param name="usesGraphs">Whether captured work becomes a graph; without, it is enqueued anew each time: the same bits, for comparison.</param>
    public CudaDevice(GpuDriver driver, bool usesGraphs = true)
    {
        ArgumentNullException.ThrowIfNull(driver);
        _driver = driver;
        _usesGraphs = usesGraphs;
        _compute = driver.CreateStream();
        _uploads = new UploadQueue(driver, _compute);
    }

    /// <summary>The GPU behind it.</summary>
    public GpuDriver Driver => _driver;

    /// <summary>The stream that operations are enqueued to.</summary>
    public GpuStream ComputeStream => _compute;

    /// <summary>Whether work is being recorded and not run.</summary>
    public bool IsCapturing { get; private set; }

    public override string Name => _driver.Properties.Name;

    public override bool IsAsynchronous => true;

    public override DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        DevicePointer pointer = Take(Math.Max(bytes, 1));
        _driver.Fill(pointer, 0, Math.Max(bytes, 1), _compute);
        return new CudaMemory(_driver, pointer, bytes);
    }

    public override PinnedBuffer AllocatePinned(long bytes) => new CudaPinnedBuffer(_driver, bytes);

    public override void Upload(PinnedBuffer source, long offsetBytes, Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        CheckRange(source, offsetBytes, destination);
        CheckNotCapturing("An upload");
        _uploads.Enqueue((nint)(source.Address + (nuint)offsetBytes), new DevicePointer(destination.Address), destination.Bytes);
    }

    public override void Download(Tensor source, PinnedBuffer destination, long offsetBytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        CheckRange(destination, offsetBytes, source);
        CheckNotCapturing("A download");
        _driver.CopyToHost((nint)(destination.Address + (nuint)offsetBytes), new DevicePointer(source.Address), source.Bytes, _compute);
    }

    public override DeviceEvent CreateEvent() => new CudaEvent(_driver, _compute);

    public override void Synchronize() => _driver.Synchronize();

    public override CapturedWork Capture(string name, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        CheckNotCapturing($"The capture of {name}");
        if (!_usesGraphs)
        {
            return new DirectWork(work);
        }

        _compute.BeginCapture();
        IsCapturing = true;
        try
        {
            work();
        }
        catch
        {
            // The stream must leave its recording, or nothing could run on it again; what was recorded is of no use.
            IsCapturing = false;
            _compute.EndCapture().Dispose();
            throw;
        }

        IsCapturing = false;
        return new CudaCapturedWork(_compute.EndCapture(), _compute);
    }

    protected override void Dispose(bool disposing)
    {
        _uploads.Dispose();
        _compute.Dispose();
        _driver.Dispose();
    }

    private DevicePointer Take(long bytes)
    {
        try
        {
            return _driver.Allocate(bytes, "planned memory");
        }
        catch (GpuException full) when (full.Code == "CUDA_ERROR_OUT_OF_MEMORY")
        {
            const double Gibibyte = 1L << 30;
            (long free, long total) = _driver.MemoryInfo;
            throw new UserErrorException(
                $"{Name} has {free / Gibibyte:F2} of its {total / Gibibyte:F2} GiB free, and {bytes / Gibibyte:F2} GiB more are needed. "
                + "Lower training.micro_batch, or choose a precision of 16 bits.",
                ExitCode.Failed);
        }
    }

    private void CheckNotCapturing(string what)
    {
        if (IsCapturing)
        {
            throw new InvalidOperationException($"{what} cannot be part of captured work: its addresses would be frozen with it.");
        }
    }

    private static void CheckRange(PinnedBuffer buffer, long offsetBytes, Tensor tensor)
    {
        if (offsetBytes < 0 || offsetBytes > buffer.Bytes - tensor.Bytes)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, $"{tensor} has {tensor.Bytes} bytes, the buffer {buffer.Bytes}.");
    }
}
