using System;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Attention;

/// <summary>Attention on a GPU, for one storage type and one D: <see cref="IOperations"/>'s forward and backward calls.</summary>
public sealed class AttentionLauncher : IDisposable
{
    private readonly KernelQueue _queue;
    private readonly DataType _storage;
    private readonly int _headSize;
    private readonly bool _hasTensorCores;
    private LaunchableKernel? _forward;
    private LaunchableKernel[]? _backward;
    private LaunchableKernel? _backwardShort;

    // Of a head of half the longest length, and of that.
    private readonly KernelInstance?[] _wholeHeads = [null, null];
    private readonly LaunchableKernel?[] _backwardWhole = [null, null];

    // Of pairs of warps, or not.
    private readonly KernelInstance? _pairs;

    // On warpgroup products, or not.
    private readonly KernelInstance? _forwardWarpgroups;
    private readonly KernelInstance? _queriesWarpgroups;
    private readonly KernelInstance? _keysWarpgroups;

    /// <summary>Each pass's kernels are compiled and loaded when it is first asked for; a device goes through work once before it is captured.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="headSize">D, at most <see cref="AttentionKernels.LargestHeadSize"/>.</param>
    /// <param name="variant">The fastest that is chosen where type, D, length and GPU allow it.</param>
    public AttentionLauncher(KernelQueue queue, DataType storage, int headSize, AttentionVariant variant = AttentionVariant.Warpgroups)
    {
        ArgumentNullException.ThrowIfNull(queue);
        (_queue, _storage, _headSize) = (queue, storage, headSize);
        _hasTensorCores = variant != AttentionVariant.Plain && AttentionKernels.HasTensorCores(storage, headSize, queue.Target.Number);
        if (variant >= AttentionVariant.LargeBlocks)
        {
            int architecture = queue.Target.Number;
            _pairs = WhereItFits(AttentionKernels.BackwardKeysPairsTensor(storage, headSize, architecture));
            _wholeHeads =
            [
                WhereItFits(AttentionKernels.BackwardWholeTensor(storage, headSize, AttentionKernels.ShortTime / 2, architecture)),
                WhereItFits(AttentionKernels.BackwardWholeTensor(storage, headSize, AttentionKernels.ShortTime, architecture)),
            ];
        }

        if (variant >= AttentionVariant.Warpgroups)
        {
            _forwardWarpgroups = WhereItFits(AttentionKernels.ForwardWarpgroups(storage, headSize, queue.Target.Number));
            _queriesWarpgroups = WhereItFits(AttentionKernels.BackwardQueriesWarpgroups(storage, headSize, queue.Target.Number));
            _keysWarpgroups = WhereItFits(AttentionKernels.BackwardKeysWarpgroups(storage, headSize, queue.Target.Number));
        }
    }

    /// <summary>Bytes of δ, a float for each row of a head.</summary>
    public static long BackwardWorkspaceBytes(in AttentionShape shape) => shape.Rows * shape.Heads * sizeof(float);

    /// <summary>Least bytes and operations of the forward pass.</summary>
    /// <param name="storage">x.</param>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="pairs">Pairs of a query and a key that it sees, over all sequences; see <see cref="CausalPairs"/>.</param>
    public static KernelCost ForwardCost(DataType storage, in AttentionShape shape, long pairs) =>
        new((4 * shape.Rows * shape.Channels * storage.SizeInBytes()) + StatisticsBytes(shape), 4 * pairs * shape.Channels);

    /// <summary>Least bytes and operations of the backward pass: five products a pair, S among them. Where a head is no single block's, ours computes S and gradP twice.</summary>
    /// <inheritdoc cref="ForwardCost"/>
    public static KernelCost BackwardCost(DataType storage, in AttentionShape shape, long pairs) =>
        new((8 * shape.Rows * shape.Channels * storage.SizeInBytes()) + StatisticsBytes(shape), 10 * pairs * shape.Channels);

    /// <summary>Pairs of a query and a key that it sees where no document opens but at the start.</summary>
    public static long CausalPairs(in AttentionShape shape) => shape.Rows * (shape.Time + 1) / 2;

    /// <summary>The variant whose kernels a pass over this shape runs: the launcher's, or the one before it that serves type, D, length and GPU.</summary>
    public AttentionVariant VariantOf(AttentionDirection direction, in AttentionShape shape)
    {
        if (!_hasTensorCores)
        {
            return AttentionVariant.Plain;
        }

        if ((direction == AttentionDirection.Forward ? _forwardWarpgroups : _keysWarpgroups) is not null)
        {
            return AttentionVariant.Warpgroups;
        }

        bool isLarge = direction == AttentionDirection.Backward
            && (shape.Time <= AttentionKernels.ShortTime ? _wholeHeads[LengthOf(shape)] : _pairs) is not null;
        return isLarge ? AttentionVariant.LargeBlocks : AttentionVariant.SmallBlocks;
    }

    /// <summary>The kernels of a pass over this shape, the one that names it first.</summary>
    public ImmutableArray<KernelInstance> KernelsOf(AttentionDirection direction, in AttentionShape shape) =>
        direction == AttentionDirection.Forward ? [ForwardKernel()]
        : !IsShort(shape) ? [.. BackwardKernels().Reverse()]
        : [_wholeHeads[LengthOf(shape)] ?? AttentionKernels.BackwardShortTensor(_storage, _headSize, _queue.Target.Number)];

    /// <inheritdoc cref="IOperations.AttentionForward"/>
    public unsafe void Forward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        new OperationChecks(_storage, DataType.Float32).AttentionForward(qkv, documentStart, output, logSumExp, shape);
        CheckSpecialisation(shape, qkv, output);
        var argument = new AttentionShapeArgument(shape);
        LaunchableKernel kernel = _forward ??= _queue.Load(ForwardKernel());
        kernel.Launch(
            Blocks(shape, ForwardRows()),
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
        if (IsShort(shape))
        {
            BackwardShort(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape);
            return;
        }

        LaunchableKernel[] kernels = _backward ??= [.. BackwardKernels().Select(_queue.Load)];
        if (_hasTensorCores)
        {
            // The queries' kernel makes δ on its way.
            kernels[0].Launch(
                Blocks(shape, QueriesRows()),
                1,
                PointerTo(qkv),
                PointerTo(documentStart),
                PointerTo(output),
                PointerTo(logSumExp),
                PointerTo(workspace),
                PointerTo(gradOutput),
                PointerTo(gradQkv),
                KernelArgument.Structure(&argument));
            LaunchPass(kernels[1], KeysRows(), qkv, documentStart, logSumExp, gradOutput, gradQkv, shape, workspace);
        }
        else
        {
            kernels[0].Launch(
                DeviceTypes.CeilingDivide(shape.Rows * shape.Heads, AttentionKernels.DeltaRows),
                1,
                PointerTo(output),
                PointerTo(gradOutput),
                PointerTo(workspace),
                KernelArgument.Structure(&argument));
            LaunchPass(kernels[1], AttentionKernels.Tile, qkv, documentStart, logSumExp, gradOutput, gradQkv, shape, workspace);
            LaunchPass(kernels[2], AttentionKernels.Tile, qkv, documentStart, logSumExp, gradOutput, gradQkv, shape, workspace);
        }
    }

    public void Dispose()
    {
        foreach (LaunchableKernel? kernel in (LaunchableKernel?[])[_forward, _backwardShort, .. _backwardWhole, .. _backward ?? []])
        {
            kernel?.Dispose();
        }
    }

    /// <summary>One launch: a block a head, or blocks for its tiles of keys and of queries.</summary>
    private unsafe void BackwardShort(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape)
    {
        int length = LengthOf(shape);
        bool isWhole = _wholeHeads[length] is not null;
        LaunchableKernel kernel = isWhole
            ? _backwardWhole[length] ??= _queue.Load(_wholeHeads[length]!)
            : _backwardShort ??= _queue.Load(AttentionKernels.BackwardShortTensor(_storage, _headSize, _queue.Target.Number));
        long tiles = Blocks(shape, AttentionKernels.BackwardKeysRows(_headSize)) + Blocks(shape, AttentionKernels.BackwardQueriesRows(_headSize, _queue.Target.Number));
        var argument = new AttentionShapeArgument(shape);
        kernel.Launch(
            isWhole ? (long)shape.Batch * shape.Heads : tiles,
            1,
            PointerTo(qkv),
            PointerTo(documentStart),
            PointerTo(output),
            PointerTo(logSumExp),
            PointerTo(gradOutput),
            PointerTo(gradQkv),
            KernelArgument.Structure(&argument));
    }

    /// <summary>A half of the backward pass that reads δ.</summary>
    private static unsafe void LaunchPass(
        LaunchableKernel kernel, int tile, Tensor qkv, Tensor documentStart, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv,
        in AttentionShape shape, Tensor workspace)
    {
        var argument = new AttentionShapeArgument(shape);
        kernel.Launch(
            Blocks(shape, tile),
            1,
            PointerTo(qkv),
            PointerTo(documentStart),
            PointerTo(logSumExp),
            PointerTo(workspace),
            PointerTo(gradOutput),
            PointerTo(gradQkv),
            KernelArgument.Structure(&argument));
    }

    // Whether the backward pass is one launch on tensor cores.
    private bool IsShort(in AttentionShape shape) => _hasTensorCores && _keysWarpgroups is null && shape.Time <= AttentionKernels.ShortTime;

    // Which of the two lengths of whole heads.
    private static int LengthOf(in AttentionShape shape) => shape.Time <= AttentionKernels.ShortTime / 2 ? 0 : 1;

    private static long Blocks(in AttentionShape shape, int tile) => DeviceTypes.CeilingDivide(shape.Time, tile) * shape.Batch * shape.Heads;

    private KernelInstance? WhereItFits(KernelInstance? kernel) =>
        kernel?.DynamicSharedBytes <= _queue.Driver.Properties.MaximumSharedBytesPerBlock && _queue.IsFor(kernel) ? kernel : null;

    private KernelInstance ForwardKernel() => _forwardWarpgroups
        ?? (_hasTensorCores ? AttentionKernels.ForwardTensor(_storage, _headSize, _queue.Target.Number) : AttentionKernels.Forward(_storage, _headSize));

    private int ForwardRows() => _forwardWarpgroups is not null ? AttentionKernels.ForwardWarpgroupsRows
        : _hasTensorCores ? AttentionKernels.ForwardRows(_headSize, _queue.Target.Number)
        : AttentionKernels.Tile;

    private int QueriesRows() => _queriesWarpgroups is not null
        ? AttentionKernels.BackwardWarpgroupsRows(_headSize)
        : AttentionKernels.BackwardQueriesRows(_headSize, _queue.Target.Number);

    private int KeysRows() => _keysWarpgroups is not null ? AttentionKernels.BackwardWarpgroupsRows(_headSize)
        : _pairs is not null ? AttentionKernels.BackwardKeysPairsRows
        : AttentionKernels.BackwardKeysRows(_headSize);

    private KernelInstance[] BackwardKernels() => _hasTensorCores
        ? [
            _queriesWarpgroups ?? AttentionKernels.BackwardQueriesTensor(_storage, _headSize, _queue.Target.Number),
            _keysWarpgroups ?? _pairs ?? AttentionKernels.BackwardKeysTensor(_storage, _headSize, _queue.Target.Number),
        ]
        : [
            AttentionKernels.Delta(_storage, _headSize),
            AttentionKernels.BackwardKeys(_storage, _headSize),
            AttentionKernels.BackwardQueries(_storage, _headSize),
        ];

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
