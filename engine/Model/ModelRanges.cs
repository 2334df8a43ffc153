using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Model;

/// <summary>What the parts of a pass are called in a profile.</summary>
/// <param name="layers">How many layers there are.</param>
internal sealed class ModelRanges(int layers)
{
    public RangeName Forward { get; } = new(RangeKind.Pass, "forward");

    public RangeName Backward { get; } = new(RangeKind.Pass, "backward");

    public RangeName Embedding { get; } = new(RangeKind.Layer, "embedding");

    public RangeName FinalNorm { get; } = new(RangeKind.Layer, "final norm");

    public RangeName Head { get; } = new(RangeKind.Layer, "head");

    /// <summary>A name each layer.</summary>
    public IReadOnlyList<RangeName> Layers { get; } = [.. Enumerable.Range(0, layers).Select(layer => new RangeName(RangeKind.Layer, $"layer {layer}"))];

    public RangeName Attention { get; } = new(RangeKind.Part, "attention");

    public RangeName Mlp { get; } = new(RangeKind.Part, "mlp");

    /// <summary>What the forward pass did not keep, made again.</summary>
    public RangeName Recompute { get; } = new(RangeKind.Part, "recompute");
}
