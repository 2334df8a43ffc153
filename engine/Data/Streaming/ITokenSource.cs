using System;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>A long sequence of tokens of which any stretch can be read. Reading is safe from several threads.</summary>
public interface ITokenSource
{
    /// <summary>How it is named in messages.</summary>
    string Name { get; }

    /// <summary>How many tokens there are.</summary>
    long Count { get; }

    /// <summary>Fills <paramref name="destination"/> with the tokens from <paramref name="start"/> on.</summary>
    /// <exception cref="UserErrorException">A token is outside the vocabulary; the message has its offset.</exception>
    void Read(long start, Span<int> destination);

    /// <summary>Says that these tokens are read soon, so that they can be fetched from disk meanwhile. Only a hint.</summary>
    void Prefetch(long start, long count);
}
