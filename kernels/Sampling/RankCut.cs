namespace GptEngine.Kernels.Sampling;

/// <summary>A prefix of the ranking by logit: all above a threshold, and the first few, by id, of those that equal it.</summary>
/// <param name="threshold">In the integers' order of floats.</param>
/// <param name="ties">How many of those at the threshold.</param>
internal readonly struct RankCut(uint threshold, int ties)
{
    private readonly uint _threshold = threshold;
    private readonly int _ties = ties;

    /// <summary>Whether the next id, asked in ascending order with one count of ties, is in the prefix.</summary>
    public bool Keeps(uint order, ref int tiesSeen) => order > _threshold || (order == _threshold && tiesSeen++ < _ties);

    public bool IsShorterThan(RankCut other) => _threshold > other._threshold || (_threshold == other._threshold && _ties < other._ties);
}
