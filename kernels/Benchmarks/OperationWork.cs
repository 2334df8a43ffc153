using System;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>What a benchmark calls.</summary>
/// <param name="Cost">The least bytes and operations of a call.</param>
/// <param name="Call">Enqueues the operation on one of the sets of tensors.</param>
internal sealed record OperationWork(KernelCost Cost, Action<int> Call);
