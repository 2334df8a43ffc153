using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Embedding;

/// <summary>Embedding on a GPU, for one storage type: <see cref="IOperations"/>'s two calls.</summary>
public sealed class EmbeddingLauncher
{
    private const string Source = "Embedding/embedding.cu";
    private const int ForwardThreads = 64;
    private const int ForwardRows = 4;
    private const int RowsPerThread = 2;
    private const int OrderSlices = 8;
    private const int SumWarps = 4;
    private const int PositionThreads = 128;

    private readonly DataType _storage;
    private readonly bool _hasDropout;
    private readonly LaunchableKernel _order;
    private readonly LaunchableKernel[] _forward;
    private readonly LaunchableKernel[] _backward;
    private readonly LaunchableKernel[] _positions;

    /// <summary>Compiles and loads the kernels.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="hasDropout">Whether dropout is active in the calls: training and evaluation then take a launcher each.</param>
    public EmbeddingLauncher(KernelQueue queue, DataType storage, bool hasDropout)
    {
        (_storage, _hasDropout) = (storage, hasDropout);
        _order = queue.Load(Order());
        _forward = [queue.Load(Forward(storage, false, hasDropout)), queue.Load(Forward(storage, true, hasDropout))];
        _backward = [queue.Load(Backward(storage, false, hasDropout)), queue.Load(Backward(storage, true, hasDropout))];
        _positions = [queue.Load(PositionBackward(storage, false, hasDropout)), queue.Load(PositionBackward(storage, true, hasDropout))];
    }

    /// <summary>Sorts positions by token.</summary>
    public static KernelInstance Order() => new(Source, "embedding_order", DeviceTypes.WarpSize, OrderSlices);

    public static KernelInstance Forward(DataType storage, bool packed, bool hasDropout) =>
        new(Source, $"embedding_forward<{Arguments(storage, packed, hasDropout)}>", ForwardThreads, ForwardRows);

    /// <summary>The gradient of the token embedding.</summary>
    public static KernelInstance Backward(DataType storage, bool packed, bool hasDropout) =>
        new(Source, $"embedding_backward<{Arguments(storage, packed, hasDropout)}>", DeviceTypes.WarpSize, SumWarps);

    /// <summary>The gradient of the position embedding.</summary>
    public static KernelInstance PositionBackward(DataType storage, bool packed, bool hasDropout) =>
        new(Source, $"embedding_position_backward<{Arguments(storage, packed, hasDropout)}>", PositionThreads);

    /// <summary>Bytes of the positions sorted by token, and of their tokens.</summary>
    public static long BackwardWorkspaceBytes(long rows) => 2 * rows * sizeof(int);

    /// <summary>Least bytes and operations of the forward pass; the table's rows are read once a token.</summary>
    public static KernelCost ForwardCost(DataType storage, long rows, long time, long channels, bool hasPositions) =>
        new((((2 * rows) + (hasPositions ? time : 0)) * channels * storage.SizeInBytes()) + (4 * rows), hasPositions ? rows * channels : 0);

    /// <summary>Least bytes and operations of the token embedding's gradient.</summary>
    public static KernelCost BackwardCost(DataType storage, long rows, long distinctTokens, long channels) =>
        new((rows * channels * storage.SizeInBytes()) + (8 * distinctTokens * channels) + (4 * rows), rows * channels);

    /// <summary>Least bytes and operations of the position embedding's gradient, of which <paramref name="time"/> rows are all there are.</summary>
    public static KernelCost PositionBackwardCost(DataType storage, long rows, long time, long channels, bool accumulate) =>
        new((rows * channels * storage.SizeInBytes()) + ((accumulate ? 8 : 4) * time * channels), rows * channels);

    /// <inheritdoc cref="IOperations.EmbeddingForward"/>
    public unsafe void Forward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Common.Dropout dropout)
    {
        new OperationChecks(_storage, DataType.Float32).EmbeddingForward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);
        CheckDropout(dropout);
        long rows = tokens.Count;
        bool packed = _storage.IsPacked(output[1]) && AreAligned(tokenEmbedding, positionEmbedding, output);
        var dropped = new DropoutArgument(dropout, rows);
        _forward[packed ? 1 : 0].Launch(
            DeviceTypes.CeilingDivide(rows, ForwardRows * RowsPerThread),
            1,
            PointerTo(tokens),
            PointerTo(tokenEmbedding),
            PointerTo(positionEmbedding),
            PointerTo(output),
            rows,
            (int)output[1],
            (int)tokens[1],
            firstPosition,
            KernelArgument.Structure(&dropped));
    }

    /// <inheritdoc cref="IOperations.EmbeddingBackward"/>
    /// <param name="workspace">At least <see cref="BackwardWorkspaceBytes"/>.</param>
    public unsafe void Backward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Common.Dropout dropout, bool accumulate,
        Tensor workspace)
    {
        new OperationChecks(_storage, DataType.Float32).EmbeddingBackward(tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout);
        CheckDropout(dropout);
        long rows = tokens.Count;
        int channels = (int)gradOutput[1];
        workspace.Expect("workspace", DataType.Float32, Axis.AtLeast("bytes/4", BackwardWorkspaceBytes(rows) / sizeof(float)));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, int.MaxValue, nameof(tokens));
        DevicePointer order = PointerTo(workspace);
        DevicePointer sorted = order + (rows * sizeof(int));
        var dropped = new DropoutArgument(dropout, rows);

        _order.Launch(DeviceTypes.CeilingDivide(rows, DeviceTypes.WarpSize), 1, PointerTo(tokens), order, sorted, (int)rows);
        bool packed = _storage.IsPacked(channels) && AreAligned(gradOutput, gradTokenEmbedding);
        _backward[packed ? 1 : 0].Launch(
            rows,
            1,
            order,
            sorted,
            PointerTo(gradOutput),
            PointerTo(gradTokenEmbedding),
            (int)rows,
            channels,
            KernelArgument.Structure(&dropped));
        if (gradPositionEmbedding is not null)
        {
            packed = _storage.IsPacked(channels) && AreAligned(gradOutput, gradPositionEmbedding);
            _positions[packed ? 1 : 0].Launch(
                gradPositionEmbedding[0],
                1,
                PointerTo(gradOutput),
                PointerTo(gradPositionEmbedding),
                (int)tokens[0],
                (int)tokens[1],
                channels,
                accumulate,
                KernelArgument.Structure(&dropped));
        }
    }

    private static string Arguments(DataType storage, bool packed, bool hasDropout) =>
        $"{storage.DeviceName()}, {packed.DeviceName()}, {hasDropout.DeviceName()}";

    private void CheckDropout(in Common.Dropout dropout)
    {
        if (dropout.IsActive != _hasDropout)
        {
            throw new ArgumentException(
                $"the kernels were compiled {(_hasDropout ? "with" : "without")} dropout, and are called {(_hasDropout ? "without" : "with")} it", nameof(dropout));
        }
    }
}
