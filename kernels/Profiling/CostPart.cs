using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Profiling;

/// <summary>What the kernels of one folder do of an operation.</summary>
/// <param name="Part">The folder, or <see cref="OperationCosts.Product"/>.</param>
/// <param name="Cost">The least that they must move and compute.</param>
public readonly record struct CostPart(string Part, KernelCost Cost);
