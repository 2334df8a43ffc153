using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// Which variant's kernels a pass over a shape runs: the forced one; else on a GPU what measures fastest and is right, forward and backward
/// apart; else, where nothing is measured, the last that serves. Decided when a shape first comes, which a rehearsal sees to.
/// </summary>
internal sealed class AttentionChooser
{
    private readonly KernelQueue _queue;
    private readonly DataType _storage;
    private readonly AttentionVariant? _forced;
    private readonly KernelSelector? _selector;
    private readonly Action<string> _warn;
    private readonly Dictionary<(int HeadSize, AttentionVariant Variant), AttentionLauncher> _launchers = [];
    private readonly Dictionary<(AttentionDirection Direction, AttentionShape Shape), AttentionLauncher> _chosen = [];
    private readonly List<KernelChoice> _choices = [];

    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="forced">A variant, in whose place those before it run where it does not serve; null leaves the choice.</param>
    /// <param name="selector">Measures; null where nothing is measured.</param>
    /// <param name="warn">Hears what a person should see.</param>
    internal AttentionChooser(KernelQueue queue, DataType storage, AttentionVariant? forced, KernelSelector? selector, Action<string> warn) =>
        (_queue, _storage, _forced, _selector, _warn) = (queue, storage, forced, selector, warn);

    /// <summary>Every choice made so far, in that order.</summary>
    internal IReadOnlyList<KernelChoice> Choices => _choices;

    /// <summary>The launcher of a pass. Allocates nothing once it is chosen.</summary>
    internal AttentionLauncher For(AttentionDirection direction, in AttentionShape shape)
    {
        if (!_chosen.TryGetValue((direction, shape), out AttentionLauncher? launcher))
        {
            launcher = Launcher(shape.HeadSize, Choose(direction, shape));
            _chosen.Add((direction, shape), launcher);
        }

        return launcher;
    }

    /// <summary>What would run where <paramref name="fastest"/> were forced.</summary>
    internal AttentionVariant VariantOf(AttentionVariant fastest, AttentionDirection direction, in AttentionShape shape) =>
        Launcher(shape.HeadSize, fastest).VariantOf(direction, shape);

    private AttentionVariant Choose(AttentionDirection direction, in AttentionShape shape)
    {
        AttentionShape tried = AttentionTrials.Tried(shape, _storage);
        string question = string.Create(
            CultureInfo.InvariantCulture,
            $"attention {(direction == AttentionDirection.Forward ? "forward" : "backward")}, {_storage.ShortName()}, B {tried.Batch} T {tried.Time} H {tried.Heads} D {tried.HeadSize}");
        AttentionVariant byRule = VariantOf(_forced ?? AttentionVariants.All[^1], direction, tried);
        AttentionVariant[] variants = [.. AttentionVariants.All.Select(variant => VariantOf(variant, direction, tried)).Distinct()];
        KernelChoice choice = _forced is not null || _selector is null || variants.Length == 1
            ? new KernelChoice(question, AttentionVariants.WordOf(byRule), _forced is null ? ChoiceBasis.Rule : ChoiceBasis.Forced, [])
            : Measure(question, direction, tried, variants, byRule);
        if (!_choices.Exists(known => known.Question == question))
        {
            _choices.Add(choice);
        }

        return AttentionVariants.Find(choice.Chosen) ?? byRule;
    }

    private KernelChoice Measure(string question, AttentionDirection direction, AttentionShape shape, AttentionVariant[] variants, AttentionVariant byRule)
    {
        if (_queue.Stream.IsRecording)
        {
            throw new InvalidOperationException($"{question}: kernels would be measured while work is recorded; the rehearsal before did not come to this shape.");
        }

        ImmutableArray<TriedKernel> kernels =
            [.. variants.Select(variant => new TriedKernel(AttentionVariants.WordOf(variant), Launcher(shape.HeadSize, variant).KernelsOf(direction, shape)[0].NameExpression))];
        try
        {
            return _selector!.Choose(question, kernels, () =>
            {
                // The backward pass's inputs are a forward pass's results.
                _queue.CompileAhead(variants
                    .SelectMany(variant => Launcher(shape.HeadSize, variant).KernelsOf(direction, shape))
                    .Concat(Launcher(shape.HeadSize, AttentionVariant.Plain).KernelsOf(AttentionDirection.Forward, shape)));
                return new AttentionTrials(_queue, _storage, direction, shape, variants, _warn);
            });
        }
        catch (GpuException full) when (full.Code == KernelSelector.OutOfMemory)
        {
            string word = AttentionVariants.WordOf(byRule);
            _warn($"There was no memory to measure {question}: its {word} kernels run, which nothing has tried on this GPU ({full.Message}).");
            return new KernelChoice(question, word, ChoiceBasis.Rule, []);
        }
    }

    private AttentionLauncher Launcher(int headSize, AttentionVariant variant)
    {
        if (!_launchers.TryGetValue((headSize, variant), out AttentionLauncher? launcher))
        {
            launcher = new AttentionLauncher(_queue, _storage, headSize, variant);
            _launchers.Add((headSize, variant), launcher);
        }

        return launcher;
    }
}
