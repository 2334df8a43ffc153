using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Attention;

/// <summary>The kernels of <c>attention.cu</c> and <c>attention_decode.cu</c>, and how each is blocked.</summary>
public static class AttentionKernels
{
    /// <summary>Queries, and keys, of a tile of the plain kernels.</summary>
    public const int Tile = 32;

    /// <summary>Largest D.</summary>
    public const int LargestHeadSize = 128;

    /// <summary>Rows of a block of <see cref="Delta"/>.</summary>
    public const int DeltaRows = Threads / 8;

    /// <summary>Rows of a block of <see cref="Cache"/>.</summary>
    public const int CacheRows = 4;

    private const string Plain = "Attention/attention.cu";
    private const string Decoding = "Attention/attention_decode.cu";
    private const int Threads = 128;
    private const int WeightPitch = 40;

    /// <summary>Any D up to <see cref="LargestHeadSize"/>.</summary>
    public static KernelInstance Forward(DataType storage, int headSize) => OfTiles("attention_forward", storage, headSize, tiles: 3);

    /// <summary>The gradients of K and V.</summary>
    public static KernelInstance BackwardKeys(DataType storage, int headSize) => OfTiles("attention_backward_keys", storage, headSize, tiles: 4);

    /// <summary>The gradient of Q.</summary>
    public static KernelInstance BackwardQueries(DataType storage, int headSize) => OfTiles("attention_backward_queries", storage, headSize, tiles: 4);

    /// <summary>Σ gradO ⊙ O of each row of a head.</summary>
    public static KernelInstance Delta(DataType storage, int headSize) =>
        new(Plain, $"attention_backward_delta<{storage.DeviceName()}, {Checked(headSize)}>", Threads);

    /// <summary>One query a sequence over the cache.</summary>
    public static KernelInstance Decode(DataType storage, int headSize) =>
        new(Decoding, $"attention_decode<{storage.DeviceName()}, {Checked(headSize)}>", Threads);

    /// <summary>K and V into the cache, by words as wide as a row of a head allows.</summary>
    public static KernelInstance Cache(DataType storage, int headSize) =>
        new(Decoding, $"cache_keys_and_values<{WordName(CacheWordBytes(storage, headSize))}>", DeviceTypes.WarpSize, CacheRows);

    /// <summary>Bytes of the words that <see cref="Cache"/> moves: a pack, or an element where a head's row is no whole number of packs.</summary>
    internal static int CacheWordBytes(DataType storage, int headSize) => storage.IsPacked(headSize) ? DeviceTypes.PackBytes : storage.SizeInBytes();

    private static string WordName(int bytes) => bytes switch
    {
        DeviceTypes.PackBytes => "uint4",
        sizeof(float) => "uint32",
        _ => "uint16",
    };

    private static KernelInstance OfTiles(string name, DataType storage, int headSize, int tiles)
    {
        int pitch = ((Checked(headSize) + 7) / 8 * 8) + 4;
        int bytes = sizeof(float) * Tile * ((tiles * pitch) + WeightPitch);
        return new KernelInstance(Plain, $"{name}<{storage.DeviceName()}, {headSize}>", Threads, DynamicSharedBytes: bytes);
    }

    private static int Checked(int headSize) => headSize is >= 1 and <= LargestHeadSize
        ? headSize
        : throw new ArgumentOutOfRangeException(nameof(headSize), headSize, $"the attention kernels take heads of 1 to {LargestHeadSize}: choose n_heads so that d_model / n_heads is within");
}
