using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.GradientNorm;

/// <summary>The global gradient norm on a GPU, and what follows from it: <see cref="IOperations.GradientNorm"/>.</summary>
public sealed class GradientNormLauncher(KernelQueue queue, DataType storage)
{
    private const string Source = "GradientNorm/gradient_norm.cu";
    private const int NormThreads = 256;
    private const int LargestBlocks = 4096;

    // Four times four loads of four elements in flight a thread.
    private const int ElementsPerThread = 64;

    private readonly LaunchableKernel _partials = queue.Load(Partials());
    private readonly LaunchableKernel _finish = queue.Load(Finish());

    /// <summary>A sum of squares a block.</summary>
    public static KernelInstance Partials() => new(Source, "gradient_norm_partials", NormThreads);

    /// <summary>The norm, and the step's decisions.</summary>
    public static KernelInstance Finish() => new(Source, "gradient_norm_finish", NormThreads);

    /// <summary>Bytes of the blocks' sums.</summary>
    public static long WorkspaceBytes(long count) => Blocks(count) * sizeof(float);

    /// <summary>Least bytes and operations.</summary>
    public static KernelCost Cost(long count) => new(4 * count, 2 * count);

    /// <inheritdoc cref="IOperations.GradientNorm"/>
    /// <param name="workspace">fp32, at least <see cref="WorkspaceBytes"/>.</param>
    public void Launch(Tensor gradients, Tensor scalars, in AdamWOptions options, Tensor workspace)
    {
        new OperationChecks(storage, DataType.Float32).GradientNorm(gradients, scalars, options);
        long blocks = Blocks(gradients.Count);
        workspace.Expect(nameof(workspace), DataType.Float32, Axis.AtLeast("bytes/4", blocks));
        LaunchPartials(gradients, workspace);
        LaunchFinish(workspace, blocks, scalars, options);
    }

    /// <summary>How many sums <see cref="LaunchSquares"/> makes.</summary>
    public static long SquaresCount(long count) => Blocks(count);

    /// <inheritdoc cref="IOperations.GradientSquares"/>
    public void LaunchSquares(Tensor gradients, Tensor sums)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        new OperationChecks(storage, DataType.Float32).GradientSquares(gradients, sums, SquaresCount(gradients.Count));
        LaunchPartials(gradients, sums);
    }

    /// <inheritdoc cref="IOperations.GradientNormOfSquares"/>
    public void LaunchOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(sums);
        new OperationChecks(storage, DataType.Float32).GradientNormOfSquares(sums, scalars, options);
        LaunchFinish(sums, sums.Count, scalars, options);
    }

    private void LaunchPartials(Tensor gradients, Tensor sums)
    {
        if (!AreAligned(gradients))
        {
            throw new ArgumentException($"gradients: they must start on a multiple of {DeviceTypes.PackBytes} bytes", nameof(gradients));
        }

        _partials.Launch(Blocks(gradients.Count), 1, PointerTo(gradients), PointerTo(sums), gradients.Count);
    }

    private void LaunchFinish(Tensor sums, long count, Tensor scalars, in AdamWOptions options) => _finish.Launch(
        1, 1, PointerTo(sums), PointerTo(scalars), checked((int)count), options.Clip, options.DynamicLossScale, options.LossScaleGrowthInterval);

    /// <summary>Fixed by the count alone, so that every device sums in the same order.</summary>
    private static long Blocks(long count) => Math.Min(LargestBlocks, DeviceTypes.CeilingDivide(count, NormThreads * ElementsPerThread));
}
