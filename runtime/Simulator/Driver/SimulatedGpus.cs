using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>The GPUs that can be simulated, with the figures of their data sheets (SXM forms) and of the CUDA programming guide's table.</summary>
public static class SimulatedGpus
{
    public static GpuDeviceProperties V100 { get; } = new()
    {
        Name = "Simulated V100",
        Architecture = 70,
        MultiprocessorCount = 80,
        MemoryBytes = 32L << 30,
        MaximumSharedBytesPerBlock = 96 << 10,
        SharedBytesPerMultiprocessor = 96 << 10,
        RegistersPerMultiprocessor = 65536,
        MaximumThreadsPerMultiprocessor = 2048,
        MaximumBlocksPerMultiprocessor = 32,
        L2CacheBytes = 6 << 20,
        MemoryBandwidth = 900e9,
        LinkBandwidth = 150e9,
        Float32Throughput = 15.7e12,
        TensorThroughput = 125e12,
    };

    public static GpuDeviceProperties A100 { get; } = new()
    {
        Name = "Simulated A100",
        Architecture = 80,
        MultiprocessorCount = 108,
        MemoryBytes = 80L << 30,
        MaximumSharedBytesPerBlock = 163 << 10,
        SharedBytesPerMultiprocessor = 164 << 10,
        RegistersPerMultiprocessor = 65536,
        MaximumThreadsPerMultiprocessor = 2048,
        MaximumBlocksPerMultiprocessor = 32,
        L2CacheBytes = 40 << 20,
        MemoryBandwidth = 2039e9,
        LinkBandwidth = 300e9,
        Float32Throughput = 19.5e12,
        TensorThroughput = 312e12,
    };

    /// <summary>
    /// Not offered to train on: its blocks may have less shared memory than an A100's, so that other forms of kernels are chosen on it, which
    /// run nowhere else.
    /// </summary>
    public static GpuDeviceProperties A40 { get; } = new()
    {
        Name = "Simulated A40",
        Architecture = 86,
        MultiprocessorCount = 84,
        MemoryBytes = 48L << 30,
        MaximumSharedBytesPerBlock = 99 << 10,
        SharedBytesPerMultiprocessor = 100 << 10,
        RegistersPerMultiprocessor = 65536,
        MaximumThreadsPerMultiprocessor = 1536,
        MaximumBlocksPerMultiprocessor = 16,
        L2CacheBytes = 6 << 20,
        MemoryBandwidth = 696e9,
        LinkBandwidth = 56.25e9,
        Float32Throughput = 37.4e12,
        TensorThroughput = 149.7e12,
    };

    public static GpuDeviceProperties H200 { get; } = new()
    {
        Name = "Simulated H200",
        Architecture = 90,
        MultiprocessorCount = 132,
        MemoryBytes = 141_000_000_000,
        MaximumSharedBytesPerBlock = 227 << 10,
        SharedBytesPerMultiprocessor = 228 << 10,
        RegistersPerMultiprocessor = 65536,
        MaximumThreadsPerMultiprocessor = 2048,
        MaximumBlocksPerMultiprocessor = 32,
        L2CacheBytes = 50 << 20,
        MemoryBandwidth = 4800e9,
        LinkBandwidth = 450e9,
        Float32Throughput = 67e12,
        TensorThroughput = 989e12,
    };

    /// <summary>Those that a user can choose.</summary>
    public static IReadOnlyList<GpuDeviceProperties> All { get; } = [V100, A100, H200];

    /// <summary>The GPU of a compute capability: 70, 80, 86 or 90.</summary>
    /// <exception cref="ArgumentException">No such GPU.</exception>
    public static GpuDeviceProperties ByArchitecture(int architecture) => architecture switch
    {
        70 => V100,
        80 => A100,
        86 => A40,
        90 => H200,
        _ => throw new ArgumentException($"sm_{architecture} is not simulated; choose sm_70, sm_80, sm_86 or sm_90.", nameof(architecture)),
    };
}
