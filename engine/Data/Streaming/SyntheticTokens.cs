using System;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// Tokens that cost no disk, for benchmarks: the same ones for the same seed, spread over the vocabulary with small ids more frequent, and
/// a document token every so often: at every multiple of a length, or each token with the same probability, so that lengths are geometric.
/// </summary>
public sealed class SyntheticTokens : ITokenSource
{
    private readonly int _vocabularySize;
    private readonly int _documentToken;
    private readonly int _documentLength;
    private readonly bool _isGeometric;
    private readonly ulong _seed;

    /// <param name="count">How many tokens there are.</param>
    /// <param name="vocabularySize">Every token is below it.</param>
    /// <param name="documentToken">Opens each document; negative for no documents.</param>
    /// <param name="documentLength">A document token stands at every multiple of it; or this is the mean of geometric lengths.</param>
    /// <param name="seed">What the tokens are drawn from.</param>
    /// <param name="isGeometric">Whether lengths are geometric.</param>
    public SyntheticTokens(
        long count, int vocabularySize, int documentToken = -1, int documentLength = 512, ulong seed = 0, bool isGeometric = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(documentToken, vocabularySize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(documentLength);
        Count = count;
        _vocabularySize = vocabularySize;
        _documentToken = documentToken;
        _documentLength = documentLength;
        _seed = seed;
        _isGeometric = isGeometric;
    }

    /// <inheritdoc/>
    public string Name => "synthetic tokens";

    /// <inheritdoc/>
    public long Count { get; }

    /// <inheritdoc/>
    public void Read(long start, Span<int> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = TokenAt(start + i);
        }
    }

    /// <inheritdoc/>
    public void Prefetch(long start, long count)
    {
    }

    private int TokenAt(long index)
    {
        if (_documentToken >= 0 && OpensDocument(index))
        {
            return _documentToken;
        }

        // The square of a uniform number: real text, too, has few frequent tokens and many rare ones.
        double uniform = Uniform(_seed, index);
        return (int)(uniform * uniform * _vocabularySize);
    }

    private bool OpensDocument(long index) =>
        _isGeometric ? Uniform(~_seed, index) * _documentLength < 1 : index % _documentLength == 0;

    private static double Uniform(ulong seed, long index) => (CounterHash.Of(seed, (ulong)index) >> 11) * (1.0 / (1UL << 53));
}
