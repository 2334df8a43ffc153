using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Gpt.Commands;

/// <summary>What the rows of one device and type share: its rates, and how a measurement becomes a record.</summary>
internal sealed class KernelBenchContext
{
    private const int SectorBytes = 32;
    private const long UnknownCacheBytes = 64L << 20;

    private readonly IOperations _operations;
    private readonly SimulatedDriver? _simulated;
    private readonly IReadOnlyDictionary<string, string> _versions;

    /// <param name="operations">In the rows' type. Unless the GPU is simulated, its rates are measured here, which takes seconds.</param>
    public KernelBenchContext(IOperations operations)
    {
        _operations = operations;
        GpuDriver? driver = (operations.Device as GpuDevice)?.Driver;
        _simulated = driver as SimulatedDriver;
        _versions = ProgramVersions.Of(operations.Device);
        Device = driver is null ? "cpu" : _simulated is null ? "cuda" : "sim";
        Architecture = driver?.Properties.Architecture ?? 0;
        CacheBytes = driver is null ? CpuCaches.LastLevelBytes : driver.Properties.L2CacheBytes;
        CacheBytes = CacheBytes > 0 ? CacheBytes : UnknownCacheBytes;
        (CopyRate, MatrixRate) = _simulated is { Properties: { } sheet }
            ? (sheet.MemoryBandwidth, operations.Storage == DataType.Float32 ? sheet.Float32Throughput : sheet.TensorThroughput)
            : (MachinePeaks.MeasureBandwidth(operations), MachinePeaks.MeasureFlops(operations));
    }

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>sim</c>.</summary>
    public string Device { get; }

    /// <summary>Whose shapes of the case list are meant.</summary>
    public string Scale => Device == "cuda" ? "gpu" : Device;

    public string DeviceName => _operations.Device.Name;

    /// <summary>Whether matrix products can be told of: where they take time, and on a simulated GPU where our own kernel does them.</summary>
    public bool HasProducts => _simulated is null || _operations is CudaOperations { Products: KernelMatrixProducts };

    public DataType Type => _operations.Storage;

    /// <summary>Compute capability of a GPU as 70; 0 on the CPU.</summary>
    public int Architecture { get; }

    public long CacheBytes { get; }

    /// <summary>Bytes a second, read and written ones together.</summary>
    public double CopyRate { get; }

    /// <summary>FLOP/s of a large matrix product.</summary>
    public double MatrixRate { get; }

    public OperationMeasurement Measure(OperationCase test, double seconds) => _simulated is null
        ? OperationBenchmark.Time(_operations, test, CacheBytes, seconds)
        : OperationBenchmark.Count(_operations, _simulated, test);

    public KernelBenchRecord Record(OperationMeasurement measured)
    {
        KernelCost cost = measured.Cost;
        var record = new KernelBenchRecord
        {
            Operation = measured.Case.Operation,
            Shape = new Dictionary<string, int>(measured.Case.Shape),
            Type = measured.Case.Type.ShortName(),
            Device = Device,
            DeviceName = DeviceName,
            Threads = (_operations.Device as CpuDevice)?.Pool.ThreadCount,
            Bytes = cost.Bytes,
            Flops = cost.Flops,
            FloorSeconds = cost.Seconds(CopyRate, MatrixRate),
            Bound = cost.Bytes / CopyRate >= cost.Flops / MatrixRate ? "memory" : "arithmetic",
            CopyBytesPerSecond = CopyRate,
            MatmulFlopsPerSecond = MatrixRate,
            Versions = _versions,
            Command = string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("gpt")),
        };
        return _simulated is null
            ? record with
            {
                Seconds = Quantiles.Of([.. measured.Seconds]),
                Samples = measured.Seconds.Count,
                CallsPerSample = measured.CallsPerSample,
                Sets = measured.Sets,
            }
            : record with
            {
                EstimateSeconds = measured.Launches.Sum(launch => Roofline.Of(launch.Counters, _simulated.Properties).Seconds),
                Counters = Count(measured),
            };
    }

    private static KernelBenchCounters Count(OperationMeasurement measured)
    {
        long Sum(Func<LaunchReport, long> of) => measured.Launches.Sum(of);
        long warps = Sum(launch => launch.Counters.WarpInstructions);
        long bytes = SectorBytes * Sum(launch => launch.Counters.GlobalLoadSectors + launch.Counters.GlobalStoreSectors);
        long ideal = Sum(launch => launch.Counters.SharedIdealWavefronts);
        return new KernelBenchCounters(
            measured.Launches.Count,
            warps,
            (double)Sum(launch => launch.Counters.ThreadInstructions) / Math.Max(1, warps),
            bytes,
            (double)bytes / Math.Max(1, measured.Cost.Bytes),
            ideal == 0 ? null : (double)Sum(launch => launch.Counters.SharedWavefronts) / ideal,
            Sum(launch => launch.Counters.Float32Operations + launch.Counters.Float16Operations + launch.Counters.Float64Operations),
            Sum(launch => launch.Counters.TensorOperations));
    }
}
