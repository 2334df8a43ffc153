using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
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

    private static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16];

    /// <summary>Every kernel, by source file.</summary>
    public static ImmutableArray<KernelInstance> All { get; } =
        [.. Types.SelectMany(OfType).Concat(Untyped()).OrderBy(kernel => kernel.Source, System.StringComparer.Ordinal)];

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
    }

    private static IEnumerable<KernelInstance> Untyped() =>
    [
        SumLossesLauncher.Sum(),
        EmbeddingLauncher.Order(),
        GradientNormLauncher.Partials(),
        GradientNormLauncher.Finish(),
        LayerNormKernels.BackwardReduce(),
    ];
}
