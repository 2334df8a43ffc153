using System.Collections.Generic;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Samples;

/// <summary>
/// Attention, its cache, and rotary positions: each D of the presets, at lengths that no tile divides; and the plain kernels where the
/// launcher would choose tensor cores, and small blocks where it would choose large ones.
/// </summary>
internal static class AttentionSamples
{
    /// <summary>A length at which tiles, too, are one launch, and a block a head is not that of half the length.</summary>
    private const int Short = 161;

    private static readonly int[] HeadSizes = [64, 96, 128];
    private static readonly int[] Lengths = [97, Short, 257];

    /// <summary>The forward pass alone, over several tiles of queries and keys.</summary>
    private static readonly AttentionShape Longest = new(1, 200, 1, 64);

    internal static IEnumerable<KernelSample> OfType(DataType type)
    {
        foreach (int headSize in HeadSizes)
        {
            foreach (int time in Lengths)
            {
                yield return Backward(type, new AttentionShape(1, time, 1, headSize), AttentionVariants.All[^1]);
            }

            foreach (int time in type == DataType.Float32 ? [] : Lengths[1..])
            {
                yield return Backward(type, new AttentionShape(1, time, 1, headSize), AttentionVariant.SmallBlocks);
            }

            yield return Decode(type, new AttentionShape(2, 33, 2, headSize));
        }

        yield return Forward(type, Longest);
        if (type != DataType.Float32)
        {
            yield return Backward(type, new AttentionShape(1, Lengths[0], 1, HeadSizes[0]), AttentionVariant.Plain);
        }

        yield return Rotary(type, new AttentionShape(2, 17, 2, 64));
    }

    private static KernelSample Forward(DataType type, AttentionShape shape) => new(
        "attention forward", type, Describe(shape), AttentionLauncher.ForwardCost(type, shape, AttentionLauncher.CausalPairs(shape)), bench =>
            bench.Closing(new AttentionLauncher(bench.Queue, type, shape.HeadSize)).Forward(
                Qkv(bench, type, shape), DocumentStart(bench, shape), bench.Unwritten("output", type, shape.Rows, shape.Channels), LogSumExp(bench, shape), shape));

    /// <summary>With the forward pass before it, whose sums it needs; so is its cost.</summary>
    private static KernelSample Backward(DataType type, AttentionShape shape, AttentionVariant variant)
    {
        long pairs = AttentionLauncher.CausalPairs(shape);
        KernelCost cost = AttentionLauncher.ForwardCost(type, shape, pairs) + AttentionLauncher.BackwardCost(type, shape, pairs);
        string suffix = variant switch { AttentionVariant.Plain => ", plain", AttentionVariant.SmallBlocks => ", small blocks", _ => "" };
        return new KernelSample($"attention forward and backward{suffix}", type, Describe(shape), cost, bench =>
        {
            AttentionLauncher launcher = bench.Closing(new AttentionLauncher(bench.Queue, type, shape.HeadSize, variant));
            BothPasses(bench, launcher, type, shape, DocumentStart(bench, shape));
        });
    }

    /// <summary>Forward, and backward over what it left.</summary>
    internal static void BothPasses(SampleBench bench, AttentionLauncher launcher, DataType type, AttentionShape shape, Tensor start)
    {
        (Tensor qkv, Tensor sums) = (Qkv(bench, type, shape), LogSumExp(bench, shape));
        Tensor output = bench.Unwritten("output", type, shape.Rows, shape.Channels);
        launcher.Forward(qkv, start, output, sums, shape);
        launcher.Backward(
            qkv,
            start,
            output,
            sums,
            bench.Normal("gradOutput", type, [shape.Rows, shape.Channels]),
            bench.Unwritten("gradQkv", type, shape.Rows, 3 * shape.Channels),
            shape,
            bench.Workspace(AttentionLauncher.BackwardWorkspaceBytes(shape)));
    }

    /// <summary>The cache filled, then one more query over it.</summary>
    private static KernelSample Decode(DataType type, AttentionShape shape)
    {
        KernelCost cost = AttentionDecodeLauncher.CacheCost(type, shape) + AttentionDecodeLauncher.DecodeCost(type, shape, shape.Time);
        return new KernelSample("attention decode", type, Describe(shape), cost, bench =>
        {
            AttentionDecodeLauncher launcher = bench.Closing(new AttentionDecodeLauncher(bench.Queue, type, shape.HeadSize));
            Tensor keys = bench.Unwritten("keyCache", type, shape.Batch, shape.Heads, shape.Time, shape.HeadSize);
            Tensor values = bench.Unwritten("valueCache", type, shape.Batch, shape.Heads, shape.Time, shape.HeadSize);
            launcher.Cache(Qkv(bench, type, shape), keys, values, shape);
            launcher.Decode(
                bench.Normal("query", type, [shape.Batch, 3 * shape.Channels]),
                keys,
                values,
                bench.Integers("documentStart", i => 5 * i, shape.Batch),
                bench.Unwritten("output", type, shape.Batch, shape.Channels),
                shape.Time - 1,
                shape with { Time = 1 });
        });
    }

    private static KernelSample Rotary(DataType type, AttentionShape shape) => new(
        "rotary", type, Describe(shape), RotaryLauncher.Cost(type, shape), bench => bench.Closing(new RotaryLauncher(bench.Queue, type)).Rotate(
            Qkv(bench, type, shape),
            bench.Normal("cosine", DataType.Float32, [shape.Time, shape.HeadSize / 2]),
            bench.Normal("sine", DataType.Float32, [shape.Time, shape.HeadSize / 2]),
            shape,
            0,
            inverse: false));

    private static Tensor Qkv(SampleBench bench, DataType type, AttentionShape shape) => bench.Normal("qkv", type, [shape.Rows, 3 * shape.Channels]);

    private static Tensor LogSumExp(SampleBench bench, AttentionShape shape) =>
        bench.Unwritten("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time);

    // A second document opens in the middle.
    private static Tensor DocumentStart(SampleBench bench, AttentionShape shape) =>
        bench.Integers("documentStart", i => i % shape.Time < shape.Time / 2 ? 0 : shape.Time / 2, shape.Batch, shape.Time);

    private static string Describe(AttentionShape shape) => $"B={shape.Batch} T={shape.Time} H={shape.Heads} D={shape.HeadSize}";
}
