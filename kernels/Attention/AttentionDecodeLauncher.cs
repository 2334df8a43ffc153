using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Attention;

/// <summary>Attention of a new token over the cache, and the cache's filling, for one storage type and one D.</summary>
public sealed class AttentionDecodeLauncher : IDisposable
{
    private readonly DataType _storage;
    private readonly int _headSize;
    private readonly LaunchableKernel _decode;
    private readonly LaunchableKernel _cache;

    /// <summary>Compiles and loads the kernels.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="headSize">D, at most <see cref="AttentionKernels.LargestHeadSize"/>.</param>
    public AttentionDecodeLauncher(KernelQueue queue, DataType storage, int headSize)
    {
        (_storage, _headSize) = (storage, headSize);
        _decode = queue.Load(AttentionKernels.Decode(storage, headSize));
        _cache = queue.Load(AttentionKernels.Cache(storage, headSize));
    }

    /// <summary>Least bytes and operations of a new token a sequence that sees <paramref name="keys"/> positions.</summary>
    public static KernelCost DecodeCost(DataType storage, in AttentionShape shape, long keys) =>
        new(((2 * keys) + 4) * shape.Batch * shape.Channels * storage.SizeInBytes(), 4 * keys * shape.Batch * shape.Channels);

    /// <summary>Bytes of filling the cache: K and V, read and written.</summary>
    public static KernelCost CacheCost(DataType storage, in AttentionShape shape) =>
        new(4 * shape.Rows * shape.Channels * storage.SizeInBytes(), 0);

    /// <inheritdoc cref="IOperations.AttentionDecode"/>
    public unsafe void Decode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape)
    {
        new OperationChecks(_storage, DataType.Float32).AttentionDecode(qkv, keyCache, valueCache, documentStart, output, position, shape);
        CheckSpecialisation(shape, qkv, keyCache, valueCache);
        var argument = new AttentionShapeArgument(shape);
        _decode.Launch(
            (long)shape.Batch * shape.Heads,
            1,
            PointerTo(qkv),
            PointerTo(keyCache),
            PointerTo(valueCache),
            PointerTo(documentStart),
            PointerTo(output),
            position,
            (int)keyCache[2],
            KernelArgument.Structure(&argument));
    }

    /// <inheritdoc cref="IOperations.CacheKeysAndValues"/>
    public unsafe void Cache(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape)
    {
        new OperationChecks(_storage, DataType.Float32).CacheKeysAndValues(qkv, keyCache, valueCache, shape);
        CheckSpecialisation(shape, qkv, keyCache, valueCache);
        var argument = new AttentionShapeArgument(shape);
        _cache.Launch(
            DeviceTypes.CeilingDivide(2 * shape.Rows * shape.Heads, AttentionKernels.CacheRows),
            1,
            PointerTo(qkv),
            PointerTo(keyCache),
            PointerTo(valueCache),
            _headSize * _storage.SizeInBytes() / AttentionKernels.CacheWordBytes(_storage, _headSize),
            (int)keyCache[2],
            KernelArgument.Structure(&argument));
    }

    public void Dispose()
    {
        _decode.Dispose();
        _cache.Dispose();
    }

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
