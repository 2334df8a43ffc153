using System;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// The words that variants go by: in <c>GPTENGINE_ATTENTION</c>, in what was measured on a GPU, and in messages. A new variant is a line here,
/// its kernels in <see cref="AttentionLauncher"/>, and what it serves in <see cref="AttentionLauncher.VariantOf"/>.
/// </summary>
public static class AttentionVariants
{
    private static readonly (AttentionVariant Variant, string Word)[] Words =
    [
        (AttentionVariant.Plain, "plain"),
        (AttentionVariant.SmallBlocks, "small"),
        (AttentionVariant.LargeBlocks, "large"),
        (AttentionVariant.Warpgroups, "warpgroups"),
    ];

    /// <summary>All of them, from the plain one to what the model has for the fastest: where nothing is measured, the last that serves is taken.</summary>
    public static ImmutableArray<AttentionVariant> All { get; } = [.. Words.Select(known => known.Variant)];

    /// <summary>Every word, for messages: <c>plain, small, large or warpgroups</c>.</summary>
    public static string Alternatives { get; } = $"{string.Join(", ", Words[..^1].Select(known => known.Word))} or {Words[^1].Word}";

    /// <summary>A variant's word.</summary>
    public static string WordOf(AttentionVariant variant) => Words.Single(known => known.Variant == variant).Word;

    /// <summary>The variant of a word, as it is written here; null where there is none.</summary>
    public static AttentionVariant? Find(string word) =>
        Words.Where(known => string.Equals(known.Word, word, StringComparison.Ordinal)).Select(known => (AttentionVariant?)known.Variant).FirstOrDefault();
}
