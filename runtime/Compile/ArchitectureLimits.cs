using System;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Runtime.Compile;

/// <summary>
/// What one SM of an architecture has to share out among blocks. Source: CUDA C++ Programming Guide, table "Technical Specifications
/// per Compute Capability", and the allocation granularities of the CUDA occupancy calculator.
/// </summary>
/// <param name="Capability">The architecture.</param>
/// <param name="WarpsPerSm">Most resident warps.</param>
/// <param name="BlocksPerSm">Most resident blocks.</param>
/// <param name="SharedBytesPerSm">Shared memory of an SM, at its largest carve-out.</param>
/// <param name="SharedBytesPerBlock">Most that one block may ask for (opt-in above 48 KiB).</param>
/// <param name="ReservedSharedBytesPerBlock">What the system takes of it for each block.</param>
/// <param name="SharedGranularity">Shared memory is handed out in multiples of this.</param>
public sealed record ArchitectureLimits(
    ComputeCapability Capability,
    int WarpsPerSm,
    int BlocksPerSm,
    int SharedBytesPerSm,
    int SharedBytesPerBlock,
    int ReservedSharedBytesPerBlock,
    int SharedGranularity)
{
    /// <summary>Registers of an SM: the same for every architecture here.</summary>
    public const int RegistersPerSm = 65536;

    /// <summary>Most registers a thread.</summary>
    public const int RegistersPerThread = 255;

    /// <summary>Most threads a block.</summary>
    public const int ThreadsPerBlock = 1024;

    private const int RegisterGranularity = 256;
    private const int WarpSize = 32;
    private const int Partitions = 4;

    /// <summary>The architectures that machine code is proven for.</summary>
    public static readonly ImmutableArray<ArchitectureLimits> All =
    [
        new(new(7, 0), 64, 32, 96 << 10, 96 << 10, 0, 256),
        new(new(7, 5), 32, 16, 64 << 10, 64 << 10, 0, 256),
        new(new(8, 0), 64, 32, 164 << 10, 163 << 10, 1 << 10, 128),
        new(new(8, 6), 48, 16, 100 << 10, 99 << 10, 1 << 10, 128),
        new(new(8, 9), 48, 24, 100 << 10, 99 << 10, 1 << 10, 128),
        new(new(9, 0), 64, 32, 228 << 10, 227 << 10, 1 << 10, 128),
    ];

    /// <summary>The limits of an architecture.</summary>
    /// <exception cref="UserErrorException">It is not in the table.</exception>
    public static ArchitectureLimits Of(ComputeCapability capability) =>
        All.FirstOrDefault(limits => limits.Capability == capability)
        ?? throw new UserErrorException(
            $"There is no table of limits for {capability}. Known are {string.Join(", ", All.Select(limits => limits.Capability))}.", ExitCode.Usage);

    /// <summary>Blocks of a kernel that one SM holds at a time; 0 when not even one fits.</summary>
    /// <param name="resources">What the kernel's code takes.</param>
    /// <param name="threads">Threads a block.</param>
    /// <param name="dynamicSharedBytes">Shared memory asked for at launch, on top of the kernel's own.</param>
    public int ResidentBlocks(KernelResources resources, int threads, int dynamicSharedBytes)
    {
        ArgumentNullException.ThrowIfNull(resources);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        int shared = resources.StaticSharedBytes + dynamicSharedBytes;
        if (threads > ThreadsPerBlock || shared > SharedBytesPerBlock)
        {
            return 0;
        }

        int warps = CeilingTo(threads, WarpSize) / WarpSize;

        // Registers are handed out a warp at a time, from the quarter of the register file that the warp's scheduler owns.
        int registersPerWarp = CeilingTo(Math.Max(resources.Registers, 1) * WarpSize, RegisterGranularity);
        int byRegisters = RegistersPerSm / Partitions / registersPerWarp * Partitions / warps;
        int sharedPerBlock = CeilingTo(shared + ReservedSharedBytesPerBlock, SharedGranularity);
        int byShared = sharedPerBlock == 0 ? BlocksPerSm : SharedBytesPerSm / sharedPerBlock;
        return Math.Min(Math.Min(BlocksPerSm, WarpsPerSm / warps), Math.Min(byRegisters, byShared));
    }

    /// <summary>Resident warps over the most there can be: 0 to 1.</summary>
    public double Occupancy(KernelResources resources, int threads, int dynamicSharedBytes) =>
        ResidentBlocks(resources, threads, dynamicSharedBytes) * (CeilingTo(threads, WarpSize) / WarpSize) / (double)WarpsPerSm;

    private static int CeilingTo(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
