using System;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Listens to a device's operations for the length of a profile. A device that captures graphs is not to be profiled: what is replayed is not
/// heard of.
/// </summary>
public sealed class OperationProfiler : IDisposable
{
    private readonly Device _device;
    private readonly IRangeListener? _listenerBefore;
    private readonly CudaOperations? _cuda;
    private readonly ProfileRecorder _recorder;
    private readonly ProfiledOperations _operations;

    /// <param name="inner">The device's operations; the caller's.</param>
    /// <param name="step">The step to record, from 0.</param>
    /// <param name="roundsToTf32">Whether fp32 products run on tensor cores.</param>
    /// <param name="tracer">Has a GPU record its work itself; null to time it by events.</param>
    public OperationProfiler(IOperations inner, long step, bool roundsToTf32, GpuTracer? tracer = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _device = inner.Device;
        _cuda = inner as CudaOperations;
        WorkClock clock = new HostClock();
        TimeSource = "the host's clock around each operation";
        Timer = "host";
        if (_cuda?.Device is GpuDevice { Driver: SimulatedDriver simulated })
        {
            GpuDeviceProperties gpu = simulated.Properties;
            ProductThroughput = inner.Storage != DataType.Float32 ? gpu.TensorThroughput : roundsToTf32 ? gpu.TensorThroughput / 2 : gpu.Float32Throughput;
            Bandwidth = gpu.MemoryBandwidth;
            clock = new RooflineClock(simulated, ProductThroughput.Value);
            TimeSource = "no time: the least that the data sheet allows for what was counted, or (roof: model) stated";
            Timer = "data sheet";
        }
        else if (_cuda?.Device is GpuDevice gpu)
        {
            clock = tracer is null ? new EventClock(gpu.Driver, gpu.Stream) : new CuptiClock(gpu.Driver, tracer);
            TimeSource = tracer is null ? "CUDA events around each launch, without graphs" : $"the GPU's own records by {tracer.Name}, without graphs";
            Timer = tracer is null ? "events" : "CUPTI";
        }

        _listenerBefore = _device.RangeListener;
        _recorder = new ProfileRecorder(clock, step, _listenerBefore);
        _operations = new ProfiledOperations(inner, _recorder, fusesActivations: _cuda is null);
        _device.RangeListener = _recorder;
        if (_cuda is not null)
        {
            _cuda.Observer = _recorder;
        }
    }

    /// <summary>What training is to run on.</summary>
    public IOperations Operations => _operations;

    /// <summary>Hears of what training does.</summary>
    public ProfileRecorder Recorder => _recorder;

    /// <summary>How times are known, for people.</summary>
    public string TimeSource { get; }

    /// <summary>The same in a word: <c>CUPTI</c>, <c>events</c>, <c>host</c>, <c>data sheet</c>.</summary>
    public string Timer { get; }

    /// <summary>FLOP/s of products by the data sheet, on a simulated GPU; null where it can be measured.</summary>
    public double? ProductThroughput { get; }

    /// <summary>Bytes a second by the data sheet, on a simulated GPU; null where it can be measured.</summary>
    public double? Bandwidth { get; }

    public void Dispose()
    {
        _device.RangeListener = _listenerBefore;
        if (_cuda is not null)
        {
            _cuda.Observer = null;
        }

        _operations.Dispose();
        _recorder.Dispose();
    }
}
