namespace GptEngine.Runtime.Cuda.Tracing;

/// <summary>A piece of work as the GPU itself recorded it.</summary>
/// <param name="Kind">What.</param>
/// <param name="Name">A kernel's name as its compiler wrote it; <c>fill</c>, <c>copy to device</c>, <c>copy to host</c>, <c>copy on device</c> or <c>copy</c>.</param>
/// <param name="Start">Nanoseconds from the trace's beginning.</param>
/// <param name="End">When it had ended.</param>
/// <param name="Stream">The number of its stream.</param>
/// <param name="Work">For which piece of work the driver was asked for it; 0 for none.</param>
public sealed record GpuActivity(GpuActivityKind Kind, string Name, long Start, long End, uint Stream, ulong Work)
{
    /// <summary>A kernel's launch; null for what is none.</summary>
    public LaunchShape? Shape { get; init; }

    /// <summary>Registers of a kernel's thread.</summary>
    public int Registers { get; init; }

    /// <summary>Shared memory that a kernel declares itself.</summary>
    public int StaticSharedBytes { get; init; }

    /// <summary>Local memory of a kernel's thread.</summary>
    public long LocalBytes { get; init; }

    /// <summary>Bytes of a copy or fill.</summary>
    public long Bytes { get; init; }
}
