namespace GptEngine.Kernels.Conformance;

/// <summary>How documents lie in the sequences of a case.</summary>
public enum DocumentLayout
{
    /// <summary>One document all along.</summary>
    None,

    /// <summary>Every token opens one.</summary>
    EveryToken,

    /// <summary>Random ones.</summary>
    Ragged,

    /// <summary>Opened by the first token, the last, and two neighbours in the middle.</summary>
    Edges,

    /// <summary>Long ones, opened one past a tile's edge, at one, one before, and so on: what a tile that is taken for wholly seen would get wrong.</summary>
    TileEdges,
}
