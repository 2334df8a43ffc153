using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Cast;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>
/// The kernels by name, as the presets need them: what is listed, compiled ahead, and held to its registers in docs/kernels.md.
/// A model of another shape compiles its own instances when it starts.
/// </summary>
public static class KernelCatalogue
{
    /// <summary>C of gpt-89m, gpt2-124m, gpt-304m and gpt-1b.</summary>
    private static readonly int[] Channels = [512, 768, 1024, 1728];

    /// <summary>No preset uses dropout: one C stands for all.</summary>
    private static readonly int[] DropoutChannels = [768];

    /// <summary>The vocabulary of 50,257, padded.</summary>
    private const int PaddedVocabulary = 50304;

    /// <summary>D of the presets: gpt-89m, gpt-304m and GPT-2's; gpt-1b's; the larger of GPT-3's.</summary>
    private static readonly int[] HeadSizes = [64, 96, 128];

    private static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16];

    /// <summary>Every kernel, by source file.</summary>
    public static ImmutableArray<KernelInstance> All { get; } =
        [.. Types.SelectMany(OfType).Concat(Untyped()).Distinct().OrderBy(kernel => kernel.Source, System.StringComparer.Ordinal)];

    private static IEnumerable<KernelInstance> OfType(DataType type)
    {
        foreach (Activation activation in new[] { Activation.GeluTanh, Activation.Gelu, Activation.Relu })
        {
            yield return ActivationLauncher.Forward(type, activation, packed: true);
            yield return ActivationLauncher.Backward(type, activation, packed: true);
        }

        yield return AdamWLauncher.Update(type);
        yield return CrossEntropyLauncher.Plain(type);
        yield return CrossEntropyLauncher.Resident(type, PaddedVocabulary)!;
        foreach (bool dropout in new[] { false, true })
        {
            yield return EmbeddingLauncher.Forward(type, packed: true, dropout);
            yield return EmbeddingLauncher.Backward(type, packed: true, dropout);
            yield return EmbeddingLauncher.PositionBackward(type, packed: true, dropout);
            yield return LayerNormKernels.Forward(type, dropout);
            yield return LayerNormKernels.BackwardRows(type, dropout);
            foreach (int channels in dropout ? DropoutChannels : Channels)
            {
                yield return LayerNormKernels.ForwardResident(type, channels, dropout)!;
                yield return LayerNormKernels.BackwardResident(type, channels, dropout)!;
            }
        }

        yield return LayerNormKernels.BackwardColumns(type);
        yield return BiasGradientLauncher.Partials(type, packed: true);
        yield return KernelMatrixProducts.Instance(type, type, leftTransposed: false, rightTransposed: true, gelu: true);
        yield return KernelMatrixProducts.Instance(type, type, leftTransposed: false, rightTransposed: false, gelu: false);
        yield return KernelMatrixProducts.Instance(type, DataType.Float32, leftTransposed: true, rightTransposed: false, gelu: false);
        yield return SamplingLauncher.Sample(type);
        yield return RotaryLauncher.Rotate(type, packed: true);
        foreach (KernelInstance kernel in HeadSizes.SelectMany(headSize => AttentionOf(type, headSize)))
        {
            yield return kernel;
        }
    }

    private static IEnumerable<KernelInstance> AttentionOf(DataType type, int headSize)
    {
        yield return AttentionKernels.Decode(type, headSize);

        // In 16 bits the plain kernels serve where there are no tensor cores for the type: one D stands for all.
        if (type == DataType.Float32 || headSize == HeadSizes[0])
        {
            yield return AttentionKernels.Forward(type, headSize);
            yield return AttentionKernels.Delta(type, headSize);
            yield return AttentionKernels.BackwardKeys(type, headSize);
            yield return AttentionKernels.BackwardQueries(type, headSize);
        }

        foreach (int architecture in new[] { 70, 80, 86, 90 }.Where(architecture => AttentionKernels.HasTensorCores(type, headSize, architecture)))
        {
            yield return AttentionKernels.ForwardTensor(type, headSize, architecture);
            yield return AttentionKernels.BackwardKeysTensor(type, headSize, architecture);
            yield return AttentionKernels.BackwardQueriesTensor(type, headSize, architecture);
            yield return AttentionKernels.BackwardShortTensor(type, headSize, architecture);
            KernelInstance?[] large =
            [
                AttentionKernels.ForwardWarpgroups(type, headSize, architecture),
                AttentionKernels.BackwardQueriesWarpgroups(type, headSize, architecture),
                AttentionKernels.BackwardKeysWarpgroups(type, headSize, architecture),
                AttentionKernels.BackwardKeysPairsTensor(type, headSize, architecture),
                AttentionKernels.BackwardWholeTensor(type, headSize, AttentionKernels.ShortTime / 2, architecture),
                AttentionKernels.BackwardWholeTensor(type, headSize, AttentionKernels.ShortTime, architecture),
            ];
            foreach (KernelInstance kernel in large.OfType<KernelInstance>())
            {
                yield return kernel;
            }
        }
    }

    private static IEnumerable<KernelInstance> Untyped() =>
    [
        AttentionKernels.Cache(DataType.Float16, HeadSizes[0]),
        BiasGradientLauncher.Reduce(),
        CastLauncher.Cast(DataType.Float32, DataType.Float16, packed: true),
        CastLauncher.Cast(DataType.Float32, DataType.BFloat16, packed: true),
        SumLossesLauncher.Sum(),
        EmbeddingLauncher.Order(),
        GradientNormLauncher.Partials(),
        GradientNormLauncher.Finish(),
        LayerNormKernels.BackwardReduce(),
    ];
}
