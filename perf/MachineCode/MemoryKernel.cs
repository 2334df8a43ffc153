using GptEngine.Kernels.Common;

namespace GptEngine.Perf.MachineCode;

/// <summary>A kernel that memory bounds, as a step launches it.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Grid">Blocks.</param>
/// <param name="LoadBytes">That it must load from device memory, over the grid.</param>
/// <param name="StoreBytes">That it must store.</param>
internal sealed record MemoryKernel(KernelInstance Kernel, long Grid, double LoadBytes, double StoreBytes)
{
    /// <summary>Bytes of a block's loads that earlier blocks have brought into a cache.</summary>
    public double CachedBlockBytes { get; init; }

    /// <summary>Whether those are the last that a warp loads; else the first.</summary>
    public bool IsCachedLast { get; init; } = true;

    /// <summary>Whether loads of 4 bytes are of the step's scalars, which a cache has.</summary>
    public bool ReadsScalars { get; init; }

    /// <summary>Bytes over the grid.</summary>
    public double Bytes => LoadBytes + StoreBytes;

    /// <summary>Bytes that a thread loads, of memory or a cache.</summary>
    public double ThreadLoadBytes => ((LoadBytes / Grid) + CachedBlockBytes) / Kernel.Threads;
}
