using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Samples;

/// <summary>
/// Small launches through the launchers that reach every kernel of the catalogue, and the plain kernels for shapes that packs do not fit.
/// Shapes are ragged where the kernel claims any size.
/// </summary>
public static class KernelSamples
{
    private const int Rows = 64;
    private const int Batch = 2;
    private const int Tokens = 300;
    private const int ParameterCount = 65_537;
    private const int Padded = 50_304;
    private const int Vocabulary = 50_257;

    /// <summary>No whole number of packs.</summary>
    private const int RaggedChannels = 97;

    private static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16];
    private static readonly AdamWOptions Options = new(0.9f, 0.95f, 1e-8f, 0.1f, 1);

    /// <summary>Every sample.</summary>
    public static ImmutableArray<KernelSample> All { get; } =
        [.. Types.SelectMany(OfType), SumLosses(), GradientNorm(), .. Types.SelectMany(LinearSamples.OfType), .. Types.SelectMany(AttentionSamples.OfType)];

    private static IEnumerable<KernelSample> OfType(DataType type)
    {
        foreach (Common.Activation activation in new[] { Common.Activation.GeluTanh, Common.Activation.Gelu, Common.Activation.Relu })
        {
            yield return ActivationForward(type, activation, 16_384);
            yield return ActivationBackward(type, activation, 16_384);
        }

        foreach ((int channels, bool dropout) in new[] { (512, false), (768, false), (768, true), (1024, false), (1728, false), (RaggedChannels, false), (RaggedChannels, true) })
        {
            yield return LayerNormForward(type, channels, dropout);
            yield return LayerNormBackward(type, channels, dropout);
        }

        foreach ((int channels, bool dropout) in new[] { (768, false), (768, true), (RaggedChannels, false) })
        {
            yield return EmbeddingForward(type, channels, dropout);
            yield return EmbeddingBackward(type, channels, dropout);
        }

        yield return CrossEntropy(type, 2, Vocabulary, Padded);
        yield return CrossEntropy(type, 5, RaggedChannels - 2, RaggedChannels);
        yield return AdamW(type);
    }

    private static KernelSample ActivationForward(DataType type, Common.Activation activation, long count) => new(
        $"{activation} forward", type, $"n={count}", ActivationLauncher.ForwardCost(type, count), bench =>
            new ActivationLauncher(bench.Queue, type, activation).Forward(bench.Normal("z", type, [count]), bench.Unwritten("y", type, count)));

    private static KernelSample ActivationBackward(DataType type, Common.Activation activation, long count) => new(
        $"{activation} backward", type, $"n={count}", ActivationLauncher.BackwardCost(type, count), bench =>
            new ActivationLauncher(bench.Queue, type, activation).Backward(
                bench.Normal("gradY", type, [count]), bench.Normal("z", type, [count]), bench.Unwritten("gradZ", type, count)));

    private static KernelSample LayerNormForward(DataType type, int channels, bool dropout) => new(
        "layer norm forward", type, Describe(channels, dropout), LayerNormLauncher.ForwardCost(type, Rows, channels, hasDelta: true), bench =>
            new LayerNormLauncher(bench.Queue, type, channels, dropout).Forward(
                bench.Normal("x", type, [Rows, channels]),
                bench.Normal("delta", type, [Rows, channels]),
                bench.Unwritten("sum", type, Rows, channels),
                bench.Normal("weight", type, [channels]),
                bench.Normal("bias", type, [channels]),
                bench.Unwritten("y", type, Rows, channels),
                bench.Unwritten("mean", DataType.Float32, Rows),
                bench.Unwritten("rstd", DataType.Float32, Rows),
                1e-5f,
                bench.Dropout(dropout, Batch)));

    private static KernelSample LayerNormBackward(DataType type, int channels, bool dropout) => new(
        "layer norm backward",
        type,
        Describe(channels, dropout),
        LayerNormLauncher.BackwardCost(type, Rows, channels, accumulateGradSum: true, dropout),
        bench => new LayerNormLauncher(bench.Queue, type, channels, dropout).Backward(
            bench.Normal("gradY", type, [Rows, channels]),
            bench.Normal("sum", type, [Rows, channels]),
            bench.Normal("weight", type, [channels]),
            bench.Normal("mean", DataType.Float32, [Rows]),
            bench.Normal("rstd", DataType.Float32, [Rows], positive: true),
            bench.Normal("gradSum", type, [Rows, channels]),
            bench.Unwritten("gradWeight", DataType.Float32, channels),
            bench.Unwritten("gradBias", DataType.Float32, channels),
            dropout ? bench.Unwritten("gradDelta", type, Rows, channels) : null,
            accumulateGradSum: true,
            bench.Dropout(dropout, Batch),
            accumulate: false,
            bench.Workspace(LayerNormLauncher.BackwardWorkspaceBytes(Rows, channels))));

    private static KernelSample EmbeddingForward(DataType type, int channels, bool dropout) => new(
        "embedding forward", type, Describe(channels, dropout), EmbeddingLauncher.ForwardCost(type, Rows, Rows / Batch, channels, hasPositions: true), bench =>
            new EmbeddingLauncher(bench.Queue, type, dropout).Forward(
                bench.Integers("tokens", Tokens, Batch, Rows / Batch),
                bench.Normal("tokenEmbedding", type, [Tokens, channels]),
                bench.Normal("positionEmbedding", type, [Rows / Batch, channels]),
                bench.Unwritten("output", type, Rows, channels),
                0,
                bench.Dropout(dropout, Batch)));

    // Every token twice, so that the positions of a token are summed.
    private static KernelSample EmbeddingBackward(DataType type, int channels, bool dropout) => new(
        "embedding backward",
        type,
        Describe(channels, dropout),
        EmbeddingLauncher.BackwardCost(type, Rows, Rows / 2, channels)
            + new KernelCost((Rows * channels * (long)type.SizeInBytes()) + (4L * Rows / Batch * channels), (long)Rows * channels),
        bench => new EmbeddingLauncher(bench.Queue, type, dropout).Backward(
            bench.Integers("tokens", i => i * 7 % (Rows / 2) * 3, Batch, Rows / Batch),
            bench.Normal("gradOutput", type, [Rows, channels]),
            bench.Normal("gradTokenEmbedding", DataType.Float32, [Tokens, channels]),
            bench.Unwritten("gradPositionEmbedding", DataType.Float32, Rows / Batch, channels),
            bench.Dropout(dropout, Batch),
            accumulate: false,
            bench.Workspace(EmbeddingLauncher.BackwardWorkspaceBytes(Rows))));

    private static KernelSample CrossEntropy(DataType type, int rows, int vocabulary, int padded) => new(
        "cross-entropy", type, $"N={rows} P={padded}", CrossEntropyLauncher.Cost(type, rows, padded, gradient: true), bench =>
            new CrossEntropyLauncher(bench.Queue, type, padded).Launch(
                bench.Normal("logits", type, [rows, padded]),
                bench.Integers("targets", vocabulary, rows),
                bench.Unwritten("losses", DataType.Float32, rows),
                vocabulary,
                1.0f / rows,
                bench.Scalars(),
                gradient: true));

    private static KernelSample SumLosses() => new("sum of losses", DataType.Float32, "N=1025", new KernelCost(4 * 1025, 1025), bench =>
        new SumLossesLauncher(bench.Queue).Launch(bench.Normal("losses", DataType.Float32, [1025]), bench.Scalars(), 1, accumulate: false));

    private static KernelSample GradientNorm() => new("gradient norm", DataType.Float32, $"G={ParameterCount}", GradientNormLauncher.Cost(ParameterCount), bench =>
        new GradientNormLauncher(bench.Queue, DataType.Float32).Launch(
            bench.Normal("gradients", DataType.Float32, [ParameterCount]),
            bench.Scalars(),
            Options,
            bench.Workspace(GradientNormLauncher.WorkspaceBytes(ParameterCount))));

    private static KernelSample AdamW(DataType type) => new("AdamW", type, $"G={ParameterCount}", AdamWLauncher.Cost(type, ParameterCount), bench =>
        new AdamWLauncher(bench.Queue, type).Launch(
            bench.Normal("parameters", DataType.Float32, [ParameterCount]),
            bench.Normal("gradients", DataType.Float32, [ParameterCount]),
            bench.Normal("firstMoment", DataType.Float32, [ParameterCount]),
            bench.Normal("secondMoment", DataType.Float32, [ParameterCount], positive: true),
            type == DataType.Float32 ? null : bench.Unwritten("computeCopy", type, ParameterCount),
            1000,
            bench.Scalars(),
            Options));

    private static string Describe(int channels, bool dropout) => $"N={Rows} C={channels}{(dropout ? " dropout" : "")}";
}
