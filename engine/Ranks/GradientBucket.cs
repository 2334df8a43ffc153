using GptEngine.Engine.Model;

namespace GptEngine.Engine.Ranks;

/// <summary>Gradients that travel together, and where the optimizer is sharded the weights that are made of them.</summary>
/// <param name="Range">Where they lie in the arena; every rank's part of them has the same size.</param>
/// <param name="Phase">The phase of the backward pass behind which all of them are complete.</param>
/// <param name="ReadPhase">The phase of the forward pass that first reads any of the weights.</param>
public sealed record GradientBucket(ArenaRange Range, int Phase, int ReadPhase)
{
    /// <summary>Whether the forward pass reads the weights before there is anything to hide a gathering behind: the embedding's, the first attention's, vectors.</summary>
    public bool IsReadFirst => ReadPhase <= new Phases(0).Attention(0);

    /// <summary>The part that is a rank's own where the optimizer is sharded.</summary>
    public ArenaRange PartOf(int rank, int worldSize)
    {
        long count = Range.Count / worldSize;
        return new ArenaRange(Range.Start + (rank * count), count);
    }
}
