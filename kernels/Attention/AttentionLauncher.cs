using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Attention;

/// <summary>Attention on a GPU, for one storage type and one D: <see cref="IOperations"/>'s forward and backward calls.</summary>
public sealed class AttentionLauncher : IDisposable
{
    private readonly DataType _storage;
    private readonly int _headSize;
    private readonly LaunchableKernel _forward;
    private readonly LaunchableKernel _delta;
    private readonly LaunchableKernel _backwardKeys;
    private readonly LaunchableKernel _backwardQueries;

    /// <summary>Compiles and loads the kernels.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="headSize">D, at most <see cref="AttentionKernels.LargestHeadSize"/>.</param>
    public AttentionLauncher(KernelQueue queue, DataType storage, int headSize)
    {
        (_storage, _headSize) = (storage, headSize);
        _forward = queue.Load(AttentionKernels.Forward(storage, headSize));
        _delta = queue.Load(AttentionKernels.Delta(storage, headSize));
        _backwardKeys = queue.Load(AttentionKernels.BackwardKeys(storage, headSize));
        _backwardQueries = queue.Load(AttentionKernels.BackwardQueries(storage, headSize));
    }

    /// <summary>Bytes of δ, a float for each row of a head.</summary>
    public static long BackwardWorkspaceBytes(in AttentionShape shape) => shape.Rows * shape.Heads * sizeof(float);

    /// <summary>Least bytes and operations of the forward pass.</summary>
    /// <param name="storage">x.</param>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="pairs">Pairs of a query and a key that it sees, over all sequences; see <see cref="CausalPairs"/>.</param>
    public static KernelCost ForwardCost(DataType storage, in AttentionShape shape, long pairs) =>
        new((4 * shape.Rows * shape.Channels * storage.SizeInBytes()) + StatisticsBytes(shape), 4 * pairs * shape.Channels);

    /// <summary>Least bytes and operations of the backward pass: five products a pair, S among them. Ours computes S and gradP twice.</summary>
    /// <inheritdoc cref="ForwardCost"/>
    public static KernelCost BackwardCost(DataType storage, in AttentionShape shape, long pairs) =>
        new((8 * shape.Rows * shape.Channels * storage.SizeInBytes()) + StatisticsBytes(shape), 10 * pairs * shape.Channels);

    /// <summary>Pairs of a query and a key that it sees where no document opens but at the start.</summary>
    public static long CausalPairs(in AttentionShape shape) => shape.Rows * (shape.Time + 1) / 2;

    /// <inheritdoc cref="IOperations.AttentionForward"/>
    public unsafe void Forward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        new OperationChecks(_storage, DataType.Float32).AttentionForward(qkv, documentStart, output, logSumExp, shape);
        CheckSpecialisation(shape, qkv, output);
        var argument = new AttentionShapeArgument(shape);
        _forward.Launch(
            Blocks(shape),
            1,
            PointerTo(qkv),
            PointerTo(documentStart),
            PointerTo(output),
            PointerTo(logSumExp),
            KernelArgument.Structure(&argument));
    }

    /// <inheritdoc cref="IOperations.AttentionBackward"/>
    /// <param name="workspace">fp32, at least <see cref="BackwardWorkspaceBytes"/>.</param>
    public unsafe void Backward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape, Tensor workspace)
    {
        new OperationChecks(_storage, DataType.Float32).AttentionBackward(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape);
        CheckSpecialisation(shape, qkv, output, gradOutput, gradQkv);
        workspace.Expect("workspace", DataType.Float32, Axis.AtLeast("bytes/4", BackwardWorkspaceBytes(shape) / sizeof(float)));
        var argument = new AttentionShapeArgument(shape);
        _delta.Launch(
            DeviceTypes.CeilingDivide(shape.Rows * shape.Heads, AttentionKernels.DeltaRows),
            1,
            PointerTo(output),
            PointerTo(gradOutput),
            PointerTo(workspace),
            KernelArgument.Structure(&argument));
        foreach (LaunchableKernel kernel in (ReadOnlySpan<LaunchableKernel>)[_backwardKeys, _backwardQueries])
        {
            kernel.Launch(
                Blocks(shape),
                1,
                PointerTo(qkv),
                PointerTo(documentStart),
                PointerTo(logSumExp),
                PointerTo(workspace),
                PointerTo(gradOutput),
                PointerTo(gradQkv),
                KernelArgument.Structure(&argument));
        }
    }

    public void Dispose()
    {
        _forward.Dispose();
        _delta.Dispose();
        _backwardKeys.Dispose();
        _backwardQueries.Dispose();
    }

    private static long Blocks(in AttentionShape shape) =>
        DeviceTypes.CeilingDivide(shape.Time, AttentionKernels.Tile) * shape.Batch * shape.Heads;

    private static long StatisticsBytes(in AttentionShape shape) => 4 * shape.Rows * (shape.Heads + 1);

    private void CheckSpecialisation(in AttentionShape shape, params ReadOnlySpan<Tensor?> tensors)
    {
        if (shape.HeadSize != _headSize)
        {
            throw new ArgumentException($"the kernels were compiled for D={_headSize}, and are asked for {shape}", nameof(shape));
        }

        if (!AreAligned(tensors))
        {
            throw new ArgumentException($"every tensor must start at a multiple of {DeviceTypes.PackBytes} bytes", nameof(tensors));
        }
    }
}
