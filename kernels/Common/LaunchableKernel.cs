using System;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>A loaded kernel with the block it was compiled for.</summary>
/// <param name="Queue">Where it runs.</param>
/// <param name="Instance">What it is.</param>
/// <param name="Kernel">What was loaded.</param>
public sealed record LaunchableKernel(IKernelQueue Queue, KernelInstance Instance, LoadedKernel Kernel)
{
    /// <summary>Enqueues it over <paramref name="gridX"/> × <paramref name="gridY"/> blocks.</summary>
    public void Launch(long gridX, int gridY, params ReadOnlySpan<KernelArgument> arguments) =>
        Queue.Launch(Kernel, new LaunchShape(gridX, gridY, Instance.BlockX, Instance.BlockY, Instance.DynamicSharedBytes), arguments);
}
