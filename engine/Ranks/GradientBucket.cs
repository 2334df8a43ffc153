namespace GptEngine.Engine.Ranks;

/// <summary>Gradients that travel together.</summary>
/// <param name="Range">Where they lie in the arena; every rank's part of them has the same size.</param>
/// <param name="Phase">The phase of the backward pass behind which all of them are complete.</param>
public sealed record GradientBucket(ArenaRange Range, int Phase)
{
    /// <summary>The part that is a rank's own where the optimizer is sharded.</summary>
    public ArenaRange PartOf(int rank, int worldSize)
    {
        long count = Range.Count / worldSize;
        return new ArenaRange(Range.Start + (rank * count), count);
    }
}
