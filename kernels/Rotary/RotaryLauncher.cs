using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Rotary;

/// <summary>Rotary positions on a GPU, for one storage type: <see cref="IOperations.Rotary"/>.</summary>
public sealed class RotaryLauncher : IDisposable
{
    private const int RowsPerBlock = 4;

    private readonly DataType _storage;
    private readonly LaunchableKernel _plain;
    private readonly LaunchableKernel _packed;

    /// <summary>Compiles and loads the kernels.</summary>
    public RotaryLauncher(KernelQueue queue, DataType storage)
    {
        _storage = storage;
        _plain = queue.Load(Rotate(storage, packed: false));
        _packed = queue.Load(Rotate(storage, packed: true));
    }

    /// <summary>By packs where half a head is a whole number of them.</summary>
    public static KernelInstance Rotate(DataType storage, bool packed) =>
        new("Rotary/rotary.cu", $"rotary<{storage.DeviceName()}, {packed.DeviceName()}>", DeviceTypes.WarpSize, RowsPerBlock);

    /// <summary>Least bytes and operations: Q and K read and written, and the tables' rows read once.</summary>
    public static KernelCost Cost(DataType storage, in AttentionShape shape) =>
        new((4 * shape.Rows * shape.Channels * storage.SizeInBytes()) + (4L * shape.Time * shape.HeadSize), 6 * shape.Rows * shape.Channels);

    /// <inheritdoc cref="IOperations.Rotary"/>
    public void Rotate(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse)
    {
        new OperationChecks(_storage, DataType.Float32).Rotary(qkv, cosine, sine, shape, firstPosition);
        bool packed = _storage.IsPacked(shape.HeadSize / 2) && AreAligned(qkv, cosine, sine);
        (packed ? _packed : _plain).Launch(
            DeviceTypes.CeilingDivide(shape.Rows, RowsPerBlock),
            1,
            PointerTo(qkv),
            PointerTo(cosine),
            PointerTo(sine),
            shape.Rows,
            shape.Time,
            shape.Heads,
            shape.HeadSize,
            firstPosition,
            inverse);
    }

    public void Dispose()
    {
        _plain.Dispose();
        _packed.Dispose();
    }
}
