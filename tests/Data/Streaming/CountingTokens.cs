using System;
using GptEngine.Engine.Data.Streaming;

namespace GptEngine.Tests.Data.Streaming;

/// <summary>A source whose token at i is i, but for document tokens (0) at random places.</summary>
internal sealed class CountingTokens : ITokenSource
{
    private readonly int[] _tokens;

    public CountingTokens(int count, double documentRate = 0, int badAt = -1)
    {
        Random random = new(count);
        _tokens = new int[count];
        for (int i = 0; i < count; i++)
        {
            _tokens[i] = random.NextDouble() < documentRate ? 0 : i + 1;
        }

        BadAt = badAt;
    }

    public int BadAt { get; }

    public string Name => "counting tokens";

    public long Count => _tokens.Length;

    public int this[long index] => _tokens[index];

    public void Read(long start, Span<int> destination)
    {
        if (BadAt >= start && BadAt < start + destination.Length)
        {
            throw new GptEngine.Runtime.UserErrorException($"Token {BadAt} is bad.");
        }

        _tokens.AsSpan((int)start, destination.Length).CopyTo(destination);
    }

    public void Prefetch(long start, long count)
    {
    }
}
