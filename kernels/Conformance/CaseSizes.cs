using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Kernels.Conformance;

/// <summary>The sizes that each operation is tried at.</summary>
public sealed record CaseSizes
{
    /// <summary>All that is claimed, for tests and <c>gpt selftest --full</c>.</summary>
    public static CaseSizes Full { get; } = new()
    {
        Counts = [.. SizeTable.Counts],
        Embeddings = [.. Pairs([(1, 1), (3, 1), (1, 31), (2, 33), (3, 97)], [1, 7, 64, 8 * 97])],
        LayerNorms = [.. Pairs([1, 2, 33], SizeTable.Channels), .. Pairs([31, 97, 257], [64, 97])],
        Dropouts = [0, 0.1f, 0.75f],
        Linears = [.. SizeTable.Linear],
        Attentions =
        [
            .. Times(SizeTable.Rows, (2, 2, 16), (1, 1, 64)),
            .. SizeTable.HeadSizes.SelectMany(headSize => new[] { (1, 33, 3, headSize, DocumentLayout.Ragged), (1, 97, 1, headSize, DocumentLayout.None) }),
        ],
        ChangedDocuments = [.. Pairs([2, 97, 257], [16, 64])],
        HeadSizes = [.. SizeTable.HeadSizes],
        Positions = [0, 1, 32, 96],
        Caches = [.. Pairs([1, 31, 40], [7, 64])],
        Heads = [.. SizeTable.Head],
        Vocabularies = [(1, 128), (97, 128), (1000, 1024), (50_257, 50_304)],
    };

    /// <summary>One of each kind, odd ones among them, and the presets' head sizes: what a self-test runs in seconds.</summary>
    public static CaseSizes Standard { get; } = new()
    {
        Counts = [1, 1025, 70_001],
        Embeddings = [(2, 33, 7), (3, 97, 64)],
        LayerNorms = [(1, 7), (33, 97), (97, 64), (257, 8 * 97)],
        Dropouts = [0, 0.1f],
        Linears = [(1, 8, 97), (33, 97, 31), (64, 128, 256), (257, 33, 257)],
        Attentions =
        [
            (1, 1, 1, 64, DocumentLayout.None), (2, 33, 2, 16, DocumentLayout.EveryToken), (1, 97, 2, 96, DocumentLayout.Edges),
            (1, 97, 1, 128, DocumentLayout.None), (1, 161, 1, 64, DocumentLayout.Ragged), (1, 257, 2, 64, DocumentLayout.TileEdges),
        ],
        ChangedDocuments = [(97, 64)],
        HeadSizes = [64, 96],
        Positions = [0, 33, 96],
        Caches = [(31, 64)],
        Heads = [(2, 8, 97, 128), (33, 97, 128, 128), (257, 33, 1000, 1024), (3, 16, 50_257, 50_304)],
        Vocabularies = [(97, 128), (50_257, 50_304)],
    };

    /// <summary>The least that reaches each operation, for the simulated GPU, whose instructions are run one by one.</summary>
    public static CaseSizes Small { get; } = new()
    {
        Counts = [1025],
        Embeddings = [(2, 33, 7)],
        LayerNorms = [(33, 97), (31, 64)],
        Dropouts = [0, 0.1f],
        Linears = [(33, 97, 31)],
        Attentions = [(2, 33, 2, 16, DocumentLayout.EveryToken), (1, 97, 1, 64, DocumentLayout.Ragged)],
        ChangedDocuments = [(33, 64)],
        HeadSizes = [64],
        Positions = [33],
        Caches = [(31, 64)],
        Heads = [(2, 8, 97, 128), (33, 97, 128, 128)],
        Vocabularies = [(97, 128)],
    };

    /// <summary>Lengths of flat arrays.</summary>
    public required ImmutableArray<int> Counts { get; init; }

    /// <summary>(B, T, C).</summary>
    public required ImmutableArray<(int Batch, int Time, int Channels)> Embeddings { get; init; }

    /// <summary>(N, C).</summary>
    public required ImmutableArray<(int Rows, int Channels)> LayerNorms { get; init; }

    /// <summary>Probabilities; 0 for none.</summary>
    public required ImmutableArray<float> Dropouts { get; init; }

    /// <summary>(N, in, out).</summary>
    public required ImmutableArray<(int Rows, int Inputs, int Outputs)> Linears { get; init; }

    /// <summary>(B, T, H, D) and the documents.</summary>
    public required ImmutableArray<(int Batch, int Time, int Heads, int HeadSize, DocumentLayout Documents)> Attentions { get; init; }

    /// <summary>(T, D) at which one document changes and the others must not.</summary>
    public required ImmutableArray<(int Time, int HeadSize)> ChangedDocuments { get; init; }

    /// <summary>D of rotary positions, where even, and of decoding.</summary>
    public required ImmutableArray<int> HeadSizes { get; init; }

    /// <summary>At which a token is decoded.</summary>
    public required ImmutableArray<int> Positions { get; init; }

    /// <summary>(T, D) of what goes to the cache at once.</summary>
    public required ImmutableArray<(int Time, int HeadSize)> Caches { get; init; }

    /// <summary>(N, C, V, P) of the head.</summary>
    public required ImmutableArray<(int Rows, int Channels, int Vocabulary, int Padded)> Heads { get; init; }

    /// <summary>(V, P) of sampling.</summary>
    public required ImmutableArray<(int Vocabulary, int Padded)> Vocabularies { get; init; }

    private static IEnumerable<(int First, int Second)> Pairs(int[] first, int[] second) => first.SelectMany(a => second.Select(b => (a, b)));

    private static IEnumerable<(int Batch, int Time, int Channels)> Pairs((int Batch, int Time)[] first, int[] second) =>
        first.SelectMany(a => second.Select(b => (a.Batch, a.Time, b)));

    private static IEnumerable<(int Batch, int Time, int Heads, int HeadSize, DocumentLayout Documents)> Times(
        int[] times, params (int Batch, int Heads, int HeadSize)[] shapes) =>
        from time in times
        from documents in System.Enum.GetValues<DocumentLayout>()
        from shape in shapes
        select (shape.Batch, time, shape.Heads, shape.HeadSize, documents);
}
