using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>What one kernel takes on one architecture.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Target">The architecture.</param>
/// <param name="Resources">Registers, shared memory, spills.</param>
/// <param name="ResidentBlocks">Blocks an SM holds at a time.</param>
/// <param name="Occupancy">Resident warps over the most there can be.</param>
public sealed record KernelReportRow(
    KernelInstance Kernel, ComputeCapability Target, KernelResources Resources, int ResidentBlocks, double Occupancy);
