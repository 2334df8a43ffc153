namespace GptEngine.Engine.Benchmarking;

/// <summary>What one call of an operation does on a simulated GPU, over all its launches.</summary>
/// <param name="Launches">Kernels launched.</param>
/// <param name="WarpInstructions">PTX instructions issued.</param>
/// <param name="ActiveLanes">Mean of active lanes in a warp-instruction, at most 32.</param>
/// <param name="GlobalBytes">Sectors of global memory touched by requests, in bytes: caches may serve some.</param>
/// <param name="LeastBytesRatio"><paramref name="GlobalBytes"/> over what the operation must move.</param>
/// <param name="SharedPassesRatio">Passes through shared memory over those without a bank conflict; null where none is used.</param>
/// <param name="FloatOperations">On the plain units.</param>
/// <param name="TensorOperations">On tensor cores.</param>
public sealed record KernelBenchCounters(
    int Launches, long WarpInstructions, double ActiveLanes, long GlobalBytes, double LeastBytesRatio, double? SharedPassesRatio, long FloatOperations,
    long TensorOperations);
