using System;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// Text to token ids and back. A tokenizer is immutable and may be shared by threads; <see cref="CreateEncoder"/> hands out the state that
/// one thread encodes with.
/// </summary>
public interface ITokenizer
{
    /// <summary>The name that configurations and <c>dataset.json</c> use: <c>gpt2</c> or <c>byte</c>.</summary>
    string Name { get; }

    /// <summary>Number of ids, special ones included. At most 65,536: token streams are uint16.</summary>
    int VocabularySize { get; }

    /// <summary>The special token that opens a document, written <see cref="SpecialTokens.EndOfText"/> in text.</summary>
    int DocumentToken { get; }

    /// <summary>The bytes an id stands for; the document token's are those of its written form.</summary>
    /// <exception cref="Runtime.UserErrorException">The id is outside the vocabulary.</exception>
    ReadOnlySpan<byte> Decode(int id);

    /// <summary>A new encoder with its own scratch memory, for one thread.</summary>
    ITokenEncoder CreateEncoder();
}
