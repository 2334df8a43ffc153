using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.LayerNorm;

/// <summary>Layer normalisation on a GPU, for one storage type and one C: <see cref="IOperations"/>'s two calls.</summary>
public sealed class LayerNormLauncher
{
    // Slices that the rows are cut into for gradWeight and gradBias: about a block for each SM of a large GPU, and where there are rows enough
    // for it two or three, all of them at work at a time on the smallest (a V100 holds 240). Only N decides how many there are, so every device
    // sums in the same order.
    private const int LeastSlices = 128;
    private const int LargestSlices = 240;
    private const int RowsPerSlice = 40;
    private const int LeastRowsPerSlice = 8;

    private readonly DataType _storage;
    private readonly int _channels;
    private readonly bool _hasDropout;
    private readonly LaunchableKernel _forward;
    private readonly LaunchableKernel? _forwardResident;
    private readonly LaunchableKernel _backwardRows;
    private readonly LaunchableKernel _backwardColumns;
    private readonly LaunchableKernel _backwardReduce;
    private readonly LaunchableKernel? _backwardResident;

    /// <summary>Compiles and loads the kernels.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="channels">C.</param>
    /// <param name="hasDropout">Whether dropout is active in the calls: training and evaluation then take a launcher each.</param>
    public LayerNormLauncher(KernelQueue queue, DataType storage, int channels, bool hasDropout)
    {
        (_storage, _channels, _hasDropout) = (storage, channels, hasDropout);
        _forward = queue.Load(LayerNormKernels.Forward(storage, hasDropout));
        _backwardRows = queue.Load(LayerNormKernels.BackwardRows(storage, hasDropout));
        _backwardColumns = queue.Load(LayerNormKernels.BackwardColumns(storage));
        _backwardReduce = queue.Load(LayerNormKernels.BackwardReduce());
        _forwardResident = LayerNormKernels.ForwardResident(storage, channels, hasDropout) is { } forward ? queue.Load(forward) : null;
        _backwardResident = LayerNormKernels.BackwardResident(storage, channels, hasDropout) is { } backward ? queue.Load(backward) : null;
    }

    /// <summary>Bytes of the backward pass's partial sums.</summary>
    public static long BackwardWorkspaceBytes(long rows, long channels) => Slices(rows) * 2 * channels * sizeof(float);

    /// <summary>Least bytes and operations of the forward pass.</summary>
    public static KernelCost ForwardCost(DataType storage, long rows, long channels, bool hasDelta) =>
        new(((hasDelta ? 4 : 2) * rows * channels * storage.SizeInBytes()) + (8 * rows), (hasDelta ? 9 : 8) * rows * channels);

    /// <summary>Least bytes and operations of the backward pass; gradSum is read as well where it is accumulated.</summary>
    public static KernelCost BackwardCost(DataType storage, long rows, long channels, bool accumulateGradSum, bool hasDropout) =>
        new(
            (((accumulateGradSum ? 4 : 3) + (hasDropout ? 1 : 0)) * rows * channels * storage.SizeInBytes()) + (8 * rows),
            17 * rows * channels);

    /// <inheritdoc cref="IOperations.LayerNormForward"/>
    public unsafe void Forward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Common.Dropout dropout)
    {
        new OperationChecks(_storage, DataType.Float32).LayerNormForward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);
        CheckSpecialisation(x, delta is null ? _hasDropout : dropout.IsActive);
        long rows = x[0];
        bool resident = _forwardResident is not null && AreAligned(x, delta, sum, weight, bias, y);
        LaunchableKernel kernel = resident ? _forwardResident! : _forward;
        var dropped = new DropoutArgument(dropout, rows);
        int rowsPerBlock = resident && LayerNormKernels.WarpsPerRow(_channels) > 1 ? 1 : LayerNormKernels.RowsPerBlock;
        kernel.Launch(
            DeviceTypes.CeilingDivide(rows, rowsPerBlock),
            1,
            PointerTo(x),
            PointerTo(delta),
            PointerTo(sum),
            PointerTo(weight),
            PointerTo(bias),
            PointerTo(y),
            PointerTo(mean),
            PointerTo(rstd),
            rows,
            _channels,
            epsilon,
            KernelArgument.Structure(&dropped));
    }

    /// <inheritdoc cref="IOperations.LayerNormBackward"/>
    /// <param name="workspace">fp32, at least <see cref="BackwardWorkspaceBytes"/>.</param>
    public unsafe void Backward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Common.Dropout dropout, bool accumulate, Tensor workspace)
    {
        new OperationChecks(_storage, DataType.Float32).LayerNormBackward(
            gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, dropout);
        CheckSpecialisation(gradY, dropout.IsActive);
        if (gradDelta is not null != _hasDropout)
        {
            throw new ArgumentException("gradDelta: it must be given exactly when there is dropout", nameof(gradDelta));
        }

        long rows = gradY[0];
        int slices = (int)Slices(rows);
        workspace.Expect("workspace", DataType.Float32, Axis.AtLeast("bytes/4", BackwardWorkspaceBytes(rows, _channels) / sizeof(float)));
        if (_backwardResident is not null && AreAligned(gradY, sum, weight, gradSum, gradDelta, workspace))
        {
            var dropped = new DropoutArgument(dropout, rows);
            _backwardResident.Launch(
                slices,
                1,
                PointerTo(gradY),
                PointerTo(sum),
                PointerTo(weight),
                PointerTo(mean),
                PointerTo(rstd),
                PointerTo(gradSum),
                PointerTo(gradDelta),
                PointerTo(workspace),
                rows,
                accumulateGradSum,
                KernelArgument.Structure(&dropped));
        }
        else
        {
            BackwardPlain(gradY, sum, weight, mean, rstd, gradSum, gradDelta, accumulateGradSum, dropout, workspace, slices);
        }

        _backwardReduce.Launch(
            DeviceTypes.CeilingDivide(2 * (long)_channels, DeviceTypes.WarpSize),
            1,
            PointerTo(workspace),
            PointerTo(gradWeight),
            PointerTo(gradBias),
            slices,
            _channels,
            accumulate);
    }

    private static long Slices(long rows) =>
        Math.Min(Math.Clamp(rows / RowsPerSlice, LeastSlices, LargestSlices), DeviceTypes.CeilingDivide(rows, LeastRowsPerSlice));

    private unsafe void BackwardPlain(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor? gradDelta, bool accumulateGradSum,
        in Common.Dropout dropout, Tensor workspace, int slices)
    {
        long rows = gradY[0];
        var dropped = new DropoutArgument(dropout, rows);
        _backwardRows.Launch(
            DeviceTypes.CeilingDivide(rows, LayerNormKernels.RowsPerBlock),
            1,
            PointerTo(gradY),
            PointerTo(sum),
            PointerTo(weight),
            PointerTo(mean),
            PointerTo(rstd),
            PointerTo(gradSum),
            PointerTo(gradDelta),
            rows,
            _channels,
            accumulateGradSum,
            KernelArgument.Structure(&dropped));
        _backwardColumns.Launch(
            DeviceTypes.CeilingDivide(_channels, DeviceTypes.WarpSize),
            slices,
            PointerTo(gradY),
            PointerTo(sum),
            PointerTo(mean),
            PointerTo(rstd),
            PointerTo(workspace),
            rows,
            _channels);
    }

    private void CheckSpecialisation(Tensor x, bool hasDropout)
    {
        if (x[1] != _channels || hasDropout != _hasDropout)
        {
            throw new ArgumentException(
                $"the kernels were compiled for C={_channels} {(_hasDropout ? "with" : "without")} dropout, and are asked for {x} {(hasDropout ? "with" : "without")} it",
                nameof(x));
        }
    }
}
