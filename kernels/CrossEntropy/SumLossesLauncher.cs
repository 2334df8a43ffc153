using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>The sum of a micro-batch's losses on a GPU: <see cref="IOperations.SumLosses"/>.</summary>
public sealed class SumLossesLauncher(KernelQueue queue)
{
    private const int SumThreads = 512;

    private readonly LaunchableKernel _sum = queue.Load(Sum());

    /// <summary>One block.</summary>
    public static KernelInstance Sum() => new("CrossEntropy/cross_entropy.cu", "sum_losses", SumThreads);

    /// <inheritdoc cref="IOperations.SumLosses"/>
    public void Launch(Tensor losses, Tensor scalars, float scale, bool accumulate)
    {
        new OperationChecks(DataType.Float32, DataType.Float32).SumLosses(losses, scalars);
        _sum.Launch(1, 1, PointerTo(losses), PointerTo(scalars), scale, losses.Count, accumulate);
    }
}
