using System;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>The least time that a GPU's data sheet allows for what a launch did: the longest of its memory and its arithmetic.</summary>
/// <param name="MemorySeconds">32-byte sectors of global memory over the bandwidth. Caches may serve some: an upper bound of the traffic.</param>
/// <param name="Float32Seconds">Single-precision operations over the plain units' throughput.</param>
/// <param name="TensorSeconds">Tensor operations over the tensor cores' throughput.</param>
public readonly record struct Roofline(double MemorySeconds, double Float32Seconds, double TensorSeconds)
{
    private const int SectorBytes = 32;

    /// <summary>Seconds: the longest of the three.</summary>
    public double Seconds => Math.Max(MemorySeconds, Math.Max(Float32Seconds, TensorSeconds));

    /// <summary>What bounds the launch: "memory", "float32" or "tensor".</summary>
    public string Bound => Seconds == MemorySeconds ? "memory" : Seconds == TensorSeconds ? "tensor" : "float32";

    /// <summary>The roofline of a launch on a GPU.</summary>
    public static Roofline Of(LaunchCounters counters, GpuDeviceProperties gpu) => new(
        SectorBytes * (counters.GlobalLoadSectors + counters.GlobalStoreSectors) / gpu.MemoryBandwidth,
        counters.Float32Operations / gpu.Float32Throughput,
        counters.TensorOperations / gpu.TensorThroughput);
}
