namespace GptEngine.Runtime.Cuda;

/// <summary>What the engine needs to know of a GPU.</summary>
public sealed record GpuDeviceProperties
{
    public required string Name { get; init; }

    /// <summary>Compute capability: 70 for 7.0.</summary>
    public required int Architecture { get; init; }

    public required int MultiprocessorCount { get; init; }

    public required long MemoryBytes { get; init; }

    /// <summary>Most dynamic and static shared memory of a block together, after opting in.</summary>
    public required int MaximumSharedBytesPerBlock { get; init; }

    public required int SharedBytesPerMultiprocessor { get; init; }

    public required int RegistersPerMultiprocessor { get; init; }

    public required int MaximumThreadsPerMultiprocessor { get; init; }

    public required int MaximumBlocksPerMultiprocessor { get; init; }

    public int MaximumThreadsPerBlock { get; init; } = 1024;

    /// <summary>The second-level cache, which all multiprocessors share; 0 where it is not known.</summary>
    public long L2CacheBytes { get; init; }

    /// <summary>Bytes a second of device memory, by the data sheet.</summary>
    public required double MemoryBandwidth { get; init; }

    /// <summary>Bytes a second to other GPUs of its host over all of its links, in one direction, by the data sheet; 0 where it is not known.</summary>
    public double LinkBandwidth { get; init; }

    /// <summary>Dense floating-point operations a second by the data sheet: single precision on the plain units.</summary>
    public required double Float32Throughput { get; init; }

    /// <summary>Half precision on the tensor cores, single accumulation.</summary>
    public required double TensorThroughput { get; init; }
}
