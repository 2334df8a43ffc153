using System;
using System.Globalization;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Attention;

/// <summary>The kernels of this folder, and how each is blocked.</summary>
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

    /// <summary>Longest T of <see cref="BackwardShortTensor"/>.</summary>
    public const int ShortTime = 256;

    /// <summary>Queries of a block of <see cref="ForwardWarpgroups"/>: of two warpgroups.</summary>
    public const int ForwardWarpgroupsRows = 128;

    /// <summary>Keys of a block of <see cref="BackwardKeysPairsTensor"/>.</summary>
    public const int BackwardKeysPairsRows = 128;

    private const string Plain = "Attention/attention.cu";
    private const string Decoding = "Attention/attention_decode.cu";
    private const string TensorForward = "Attention/attention_forward_mma.cu";
    private const string WarpgroupForward = "Attention/attention_forward_warpgroup.cu";
    private const string TensorBackward = "Attention/attention_backward_mma.cu";
    private const string TensorBackwardPairs = "Attention/attention_backward_pairs_mma.cu";
    private const string TensorBackwardWhole = "Attention/attention_backward_whole_mma.cu";
    private const string WarpgroupBackward = "Attention/attention_backward_warpgroup.cu";
    private const int FirstTensorArchitecture = 70;
    private const int AsynchronousArchitecture = 80;
    private const int HopperArchitecture = 90;

    /// <summary>Keys, or queries, that a block of the kernels on tensor cores takes at a time.</summary>
    private const int TensorStep = 32;

    /// <summary>Keys that a block of the kernels on warpgroup products takes at a time.</summary>
    private const int WarpgroupStep = 64;

    private const int WarpgroupRows = 64;
    private const int WarpgroupThreads = 128;

    /// <summary>Where the swizzle of 128 bytes repeats.</summary>
    private const int PanelAlignment = 1024;

    private const int Threads = 128;
    private const int WeightPitch = 40;

    /// <summary>A query's log-sum, δ and start.</summary>
    private const int StatisticsBytes = 2 * sizeof(float) + sizeof(int);
    private const int TileRows = 16;

    /// <summary>What a block of <see cref="BackwardKeysWarpgroups"/> keeps of where it is.</summary>
    private const int HeadBytes = 4 * sizeof(int);

    /// <summary>Any D up to <see cref="LargestHeadSize"/>.</summary>
    public static KernelInstance Forward(DataType storage, int headSize) => OfTiles("attention_forward", storage, headSize, tiles: 3);

    /// <summary>The gradients of K and V.</summary>
    public static KernelInstance BackwardKeys(DataType storage, int headSize) => OfTiles("attention_backward_keys", storage, headSize, BackwardTiles(headSize));

    /// <summary>The gradient of Q.</summary>
    public static KernelInstance BackwardQueries(DataType storage, int headSize) => OfTiles("attention_backward_queries", storage, headSize, BackwardTiles(headSize));

    /// <summary>Whether the kernels on tensor cores take this: heads of whole 16-byte chunks; fp16, and bf16 from sm_80 on.</summary>
    public static bool HasTensorCores(DataType storage, int headSize, int architecture) => storage.IsPacked(headSize)
        && (storage == DataType.Float16 || (storage == DataType.BFloat16 && architecture >= AsynchronousArchitecture));

    /// <summary>On tensor cores.</summary>
    public static KernelInstance ForwardTensor(DataType storage, int headSize, int architecture) =>
        OfTensors(TensorForward, "attention_forward_mma", storage, headSize, architecture, ForwardTiles(headSize, architecture), lastingRows: 1);

    /// <summary>On Hopper's warpgroup products; null where there are none, or no tensor cores for the type.</summary>
    public static KernelInstance? ForwardWarpgroups(DataType storage, int headSize, int architecture)
    {
        if (architecture != HopperArchitecture || !HasTensorCores(storage, headSize, architecture))
        {
            return null;
        }

        // In shared memory beside the queries: three steps' keys and four steps' values. Sums of D up to 96 leave room for a second block.
        int rowBytes = sizeof(ushort) * ((Checked(headSize) + 31) / 32 * 32);
        int resident = headSize <= 96 ? 2 : 1;
        return new KernelInstance(
            WarpgroupForward,
            $"attention_forward_warpgroup<{storage.DeviceName()}, {headSize}, {ForwardWarpgroupsRows / WarpgroupRows}, {resident}>",
            ForwardWarpgroupsRows / WarpgroupRows * WarpgroupThreads,
            DynamicSharedBytes: ((ForwardWarpgroupsRows + (7 * WarpgroupStep)) * rowBytes) + PanelAlignment)
        {
            FirstArchitecture = HopperArchitecture,
            IsArchitectureSpecific = true,
        };
    }

    /// <summary>On Hopper's warpgroup products: the gradients of K and V; null where there are none, or no tensor cores for the type.</summary>
    public static KernelInstance? BackwardKeysWarpgroups(DataType storage, int headSize, int architecture) => OfWarpgroups(
        "attention_backward_keys_warpgroup", storage, headSize, architecture, headSize <= 96 ? 2 : 1, (3 * WarpgroupStep * StatisticsBytes) + HeadBytes);

    /// <summary>On Hopper's warpgroup products: the gradient of Q, and δ; null where there are none, or no tensor cores for the type.</summary>
    public static KernelInstance? BackwardQueriesWarpgroups(DataType storage, int headSize, int architecture) => OfWarpgroups(
        "attention_backward_queries_warpgroup",
        storage,
        headSize,
        architecture,
        headSize <= 64 ? 3 : headSize <= 96 ? 2 : 1,
        BackwardWarpgroupsRows(headSize) * sizeof(float));

    /// <summary>On tensor cores: all three gradients, of at most <see cref="ShortTime"/> queries a head.</summary>
    public static KernelInstance BackwardShortTensor(DataType storage, int headSize, int architecture)
    {
        (int keyTiles, int queryTiles) = (BackwardKeysTiles(headSize), BackwardQueriesTiles(headSize, architecture));
        return OfTensors(
            TensorBackward,
            "attention_backward_short_mma",
            storage,
            headSize,
            architecture,
            Math.Max(keyTiles, queryTiles),
            lastingRows: 2,
            ShortTime * StatisticsBytes,
            $"{keyTiles}, {queryTiles}");
    }

    /// <summary>
    /// On tensor cores: all three gradients of a head of at most <see cref="ShortTime"/> queries in one block; null where registers do not hold
    /// the sums, or copies are not asynchronous.
    /// </summary>
    public static KernelInstance? BackwardWholeTensor(DataType storage, int headSize, int time, int architecture)
    {
        // Two tiles a warp, eight warps at most: two sums of D floats for each of the head's keys fill half of an SM's registers.
        int tiles = BackwardKeysTiles(Checked(headSize));
        int warps = tiles == 2 && time <= ShortTime / 2 ? 4 : 8;
        int rows = warps * tiles * TileRows;
        if (!HasTensorCores(storage, headSize, architecture) || architecture < AsynchronousArchitecture || time > rows)
        {
            return null;
        }

        int scoreBytes = 2 * rows * TensorRowBytes(TensorStep);
        return new KernelInstance(
            TensorBackwardWhole,
            $"attention_backward_whole_mma<{storage.DeviceName()}, {headSize}, {tiles}, {warps}>",
            warps * DeviceTypes.WarpSize,
            DynamicSharedBytes: (((2 * rows) + (4 * TensorStep)) * TensorRowBytes(headSize)) + scoreBytes + (rows * StatisticsBytes))
        {
            FirstArchitecture = AsynchronousArchitecture,
        };
    }

    /// <summary>On tensor cores: the gradients of K and V.</summary>
    public static KernelInstance BackwardKeysTensor(DataType storage, int headSize, int architecture) =>
        OfTensors(TensorBackward, "attention_backward_keys_mma", storage, headSize, architecture, BackwardKeysTiles(headSize), lastingRows: 2, Buffers(architecture) * TensorStep * StatisticsBytes);

    /// <summary>On tensor cores: the gradients of K and V, two warps sharing keys; null where a warp's registers hold them, or a half of D is no whole blocks.</summary>
    public static KernelInstance? BackwardKeysPairsTensor(DataType storage, int headSize, int architecture) =>
        !HasTensorCores(storage, headSize, architecture) || architecture < AsynchronousArchitecture || headSize <= 64 || Checked(headSize) % 32 != 0
            ? null
            : new KernelInstance(
                TensorBackwardPairs,
                $"attention_backward_keys_pairs_mma<{storage.DeviceName()}, {headSize}>",
                2 * Threads,
                DynamicSharedBytes: (((2 * BackwardKeysPairsRows) + (8 * TensorStep)) * TensorRowBytes(headSize))
                    + (BackwardKeysPairsRows * TensorRowBytes(2 * TensorStep)) + (2 * 2 * TensorStep * StatisticsBytes))
            {
                FirstArchitecture = AsynchronousArchitecture,
            };

    /// <summary>On tensor cores: the gradient of Q.</summary>
    public static KernelInstance BackwardQueriesTensor(DataType storage, int headSize, int architecture) =>
        OfTensors(
            TensorBackward,
            "attention_backward_queries_mma",
            storage,
            headSize,
            architecture,
            BackwardQueriesTiles(headSize, architecture),
            lastingRows: 2,
            BackwardQueriesRows(headSize, architecture) * sizeof(float));

    /// <summary>Keys, or queries, of a block of <see cref="BackwardKeysWarpgroups"/> and <see cref="BackwardQueriesWarpgroups"/>.</summary>
    public static int BackwardWarpgroupsRows(int headSize) => BackwardGroups(headSize) * WarpgroupRows;

    /// <summary>Queries of a block of <see cref="ForwardTensor"/>.</summary>
    public static int ForwardRows(int headSize, int architecture) => BlockRows(ForwardTiles(headSize, architecture));

    /// <summary>Keys of a block of <see cref="BackwardKeysTensor"/>.</summary>
    public static int BackwardKeysRows(int headSize) => BlockRows(BackwardKeysTiles(headSize));

    /// <summary>Queries of a block of <see cref="BackwardQueriesTensor"/>.</summary>
    public static int BackwardQueriesRows(int headSize, int architecture) => BlockRows(BackwardQueriesTiles(headSize, architecture));

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

    /// <summary>As many as the 64 KiB of a block on sm_75 hold.</summary>
    private static int BackwardTiles(int headSize) => headSize > 112 ? 3 : 4;

    private static KernelInstance OfTiles(string name, DataType storage, int headSize, int tiles)
    {
        int pitch = ((Checked(headSize) + 7) / 8 * 8) + 4;
        int bytes = sizeof(float) * Tile * ((tiles * pitch) + WeightPitch);
        return new KernelInstance(Plain, $"{name}<{storage.DeviceName()}, {headSize}>", Threads, DynamicSharedBytes: bytes);
    }

    // A warp has as many tiles of 16 rows as registers allow: what it sums of a row are D floats, or 2·D where keys have two gradients. Where
    // one tile leaves room for a third block beside two, that counts for more than operands read once for two; sm_86 and sm_89 have not
    // the shared memory for it above D 96, nor sm_80 use for it at D 96, where two tiles have less to do.
    private static int ForwardTiles(int headSize, int architecture) => headSize <= 64
        || (headSize <= 96 ? architecture == AsynchronousArchitecture : architecture is > AsynchronousArchitecture and < HopperArchitecture) ? 2 : 1;

    private static int BackwardKeysTiles(int headSize) => headSize <= 64 ? 2 : 1;

    // Two tensors' rows, of D above 96, must leave room for a second block beside the first: they do on sm_90.
    private static int BackwardQueriesTiles(int headSize, int architecture) =>
        headSize <= 64 || architecture >= HopperArchitecture || (headSize <= 96 && architecture >= AsynchronousArchitecture) ? 2 : 1;

    private static int BlockRows(int tiles) => Threads / DeviceTypes.WarpSize * TileRows * tiles;

    // One buffer fills while another is worked on, where copies are asynchronous.
    private static int Buffers(int architecture) => architecture >= AsynchronousArchitecture ? 2 : 1;

    /// <param name="source">File.</param>
    /// <param name="name">Of the template.</param>
    /// <param name="storage">x.</param>
    /// <param name="headSize">D.</param>
    /// <param name="architecture">What it is for.</param>
    /// <param name="tiles">Of 16 rows, a warp, at most.</param>
    /// <param name="lastingRows">Tensors whose rows a block holds from start to end; two pass by.</param>
    /// <param name="statisticsBytes">Of shared memory behind these.</param>
    /// <param name="tilesArguments">Tiles as the template takes them, where it is not their number alone.</param>
    private static KernelInstance OfTensors(
        string source,
        string name,
        DataType storage,
        int headSize,
        int architecture,
        int tiles,
        int lastingRows,
        int statisticsBytes = 0,
        string? tilesArguments = null)
    {
        int buffers = Buffers(architecture);
        int bytes = (((lastingRows * BlockRows(tiles)) + (buffers * 2 * TensorStep)) * TensorRowBytes(headSize)) + statisticsBytes;
        string arguments = string.Create(CultureInfo.InvariantCulture, $"{storage.DeviceName()}, {Checked(headSize)}, {tilesArguments ?? $"{tiles}"}, {buffers}");
        return new KernelInstance(source, $"{name}<{arguments}>", Threads, DynamicSharedBytes: bytes)
        {
            FirstArchitecture = architecture >= AsynchronousArchitecture ? AsynchronousArchitecture : FirstTensorArchitecture,
            LastArchitecture = architecture >= AsynchronousArchitecture ? int.MaxValue : AsynchronousArchitecture - 1,
        };
    }

    // Of one warpgroup, so that an SM has several blocks; where heads are too wide for that, of two, which share what passes by.
    private static int BackwardGroups(int headSize) => headSize <= 96 ? 1 : 2;

    // Two tensors' rows stay, and three steps of two others pass by.
    private static KernelInstance? OfWarpgroups(string name, DataType storage, int headSize, int architecture, int resident, int statisticsBytes)
    {
        if (architecture != HopperArchitecture || !HasTensorCores(storage, headSize, architecture))
        {
            return null;
        }

        int groups = BackwardGroups(Checked(headSize));
        int rowBytes = sizeof(ushort) * ((headSize + 31) / 32 * 32);
        return new KernelInstance(
            WarpgroupBackward,
            $"{name}<{storage.DeviceName()}, {headSize}, {groups}, {resident}>",
            groups * WarpgroupThreads,
            DynamicSharedBytes: (((2 * groups * WarpgroupRows) + (6 * WarpgroupStep)) * rowBytes) + statisticsBytes + PanelAlignment)
        {
            FirstArchitecture = HopperArchitecture,
            IsArchitectureSpecific = true,
        };
    }

    /// <summary>A row in shared memory: D rounded up to a step of 16, and a chunk of 16 bytes.</summary>
    private static int TensorRowBytes(int headSize) => sizeof(ushort) * (((headSize + 15) / 16 * 16) + 8);

    private static int Checked(int headSize) => headSize is >= 1 and <= LargestHeadSize
        ? headSize
        : throw new ArgumentOutOfRangeException(nameof(headSize), headSize, $"the attention kernels take heads of 1 to {LargestHeadSize}: choose n_heads so that d_model / n_heads is within");
}
