using System;
using System.Linq;

namespace GptEngine.Runtime.Simulator.Counters;

/// <summary>
/// What a launch did. Every number is exact and depends on the kernel and its data alone, not on the host's threads or time.
/// </summary>
public sealed class LaunchCounters
{
    private readonly long[] _warpInstructions = new long[Enum.GetValues<InstructionClass>().Length];
    private readonly long[] _threadInstructions = new long[Enum.GetValues<InstructionClass>().Length];

    /// <summary>PTX instructions issued, each once for the lanes that run it together.</summary>
    public long WarpInstructions => _warpInstructions.Sum();

    /// <summary>PTX instructions summed over active lanes, whatever their guards said.</summary>
    public long ThreadInstructions => _threadInstructions.Sum();

    /// <summary>Mean of active lanes in a warp-instruction, at most 32.</summary>
    public double ActiveLanes => WarpInstructions == 0 ? 0 : (double)ThreadInstructions / WarpInstructions;

    /// <summary>Warp-level loads from global memory, and reads by cp.async, that had an active lane.</summary>
    public long GlobalLoadRequests { get; internal set; }

    /// <summary>Warp-level stores to global memory that had an active lane.</summary>
    public long GlobalStoreRequests { get; internal set; }

    /// <summary>Bytes that the lanes asked for.</summary>
    public long GlobalLoadBytes { get; internal set; }

    public long GlobalStoreBytes { get; internal set; }

    /// <summary>Different 32-byte sectors touched, summed over requests.</summary>
    public long GlobalLoadSectors { get; internal set; }

    public long GlobalStoreSectors { get; internal set; }

    public double LoadSectorsPerRequest => GlobalLoadRequests == 0 ? 0 : (double)GlobalLoadSectors / GlobalLoadRequests;

    public double StoreSectorsPerRequest => GlobalStoreRequests == 0 ? 0 : (double)GlobalStoreSectors / GlobalStoreRequests;

    /// <summary>Warp-level accesses to shared memory.</summary>
    public long SharedRequests { get; internal set; }

    /// <summary>Passes that the 32 banks of 4 bytes need for them.</summary>
    public long SharedWavefronts { get; internal set; }

    /// <summary>Passes that the same bytes would need without a conflict.</summary>
    public long SharedIdealWavefronts { get; internal set; }

    public long LocalBytes { get; internal set; }

    public long AtomicRequests { get; internal set; }

    /// <summary>Arrivals of warps at block barriers.</summary>
    public long Barriers { get; internal set; }

    /// <summary>Floating-point operations by lane, a fused multiply-add as two: single precision.</summary>
    public long Float32Operations { get; internal set; }

    public long Float64Operations { get; internal set; }

    /// <summary>Half and bfloat16, each half of a packed one counted.</summary>
    public long Float16Operations { get; internal set; }

    /// <summary>Multiplications and additions of the tensor instructions.</summary>
    public long TensorOperations { get; internal set; }

    /// <summary>Those of them that are a warpgroup's (wgmma).</summary>
    public long WarpgroupOperations { get; internal set; }

    /// <summary>Issued instructions of a class.</summary>
    public long WarpInstructionsOf(InstructionClass kind) => _warpInstructions[(int)kind];

    /// <summary>Instructions of a class, summed over active lanes.</summary>
    public long ThreadInstructionsOf(InstructionClass kind) => _threadInstructions[(int)kind];

    /// <summary>The counters of several launches together.</summary>
    public static LaunchCounters Sum(params ReadOnlySpan<LaunchCounters> launches)
    {
        var sum = new LaunchCounters();
        foreach (LaunchCounters launch in launches)
        {
            sum.Add(launch);
        }

        return sum;
    }

    internal void AddInstructions(InstructionClass kind, long warps, long threads)
    {
        _warpInstructions[(int)kind] += warps;
        _threadInstructions[(int)kind] += threads;
    }

    internal void Add(LaunchCounters other)
    {
        for (int i = 0; i < _warpInstructions.Length; i++)
        {
            _warpInstructions[i] += other._warpInstructions[i];
            _threadInstructions[i] += other._threadInstructions[i];
        }

        GlobalLoadRequests += other.GlobalLoadRequests;
        GlobalStoreRequests += other.GlobalStoreRequests;
        GlobalLoadBytes += other.GlobalLoadBytes;
        GlobalStoreBytes += other.GlobalStoreBytes;
        GlobalLoadSectors += other.GlobalLoadSectors;
        GlobalStoreSectors += other.GlobalStoreSectors;
        SharedRequests += other.SharedRequests;
        SharedWavefronts += other.SharedWavefronts;
        SharedIdealWavefronts += other.SharedIdealWavefronts;
        LocalBytes += other.LocalBytes;
        AtomicRequests += other.AtomicRequests;
        Barriers += other.Barriers;
        Float32Operations += other.Float32Operations;
        Float64Operations += other.Float64Operations;
        Float16Operations += other.Float16Operations;
        TensorOperations += other.TensorOperations;
        WarpgroupOperations += other.WarpgroupOperations;
    }
}
