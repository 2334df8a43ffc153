using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.Step;

/// <summary>One piece of work of a step, as it is enqueued.</summary>
/// <param name="Name">A kernel's name expression, a product's kind, <c>fill</c> or <c>copy</c>.</param>
/// <param name="Part">The kernel's folder, or the name of its kind.</param>
/// <param name="Shape">Its launch; null for what a library or the driver launches.</param>
/// <param name="Cost">Of a product, a fill or a copy.</param>
/// <param name="Product">Of a product, its kind; of what else there is, that of the product before it.</param>
internal sealed record StepLaunch(string Name, string Part, LaunchShape? Shape, KernelCost? Cost, MatrixProduct? Product);
