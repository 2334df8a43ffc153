using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Tests.Training;

namespace GptEngine.Tests.Profiling;

/// <summary>A GPU that does nothing, and whose launches, fills and copies a stand-in for CUPTI records.</summary>
internal sealed class TracedDriver(FakeCupti cupti) : SilentDriver
{
    private readonly List<GpuStream> _streams = [];
    private bool _wasTracing;

    /// <summary>Called at the first launch that is recorded.</summary>
    public System.Action? WhenTracing { get; init; }

    public override GpuStream CreateStream()
    {
        GpuStream stream = base.CreateStream();
        _streams.Add(stream);
        return stream;
    }

    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params System.ReadOnlySpan<KernelArgument> arguments)
    {
        base.Launch(function, shape, stream, arguments);
        bool isTracing = cupti.Enabled > 0;
        if (isTracing && !_wasTracing)
        {
            WhenTracing?.Invoke();
        }

        _wasTracing = isTracing;
        cupti.Launch(function.Name, shape, Number(stream));
    }

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream)
    {
        base.Fill(destination, value, bytes, stream);
        cupti.Fill(bytes, Number(stream));
    }

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream)
    {
        base.CopyToDevice(destination, source, bytes, stream);
        cupti.Copy(1, bytes, Number(stream));
    }

    public override void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream)
    {
        base.CopyToHost(destination, source, bytes, stream);
        cupti.Copy(2, bytes, Number(stream));
    }

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream)
    {
        base.CopyOnDevice(destination, source, bytes, stream);
        cupti.Copy(8, bytes, Number(stream));
    }

    public override void Synchronize()
    {
        base.Synchronize();
        cupti.Synchronize();
    }

    /// <summary>What the records call a stream.</summary>
    public uint Number(GpuStream stream) => 7 + (uint)_streams.IndexOf(stream);
}
