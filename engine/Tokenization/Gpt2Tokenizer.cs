using System;

namespace GptEngine.Engine.Tokenization;

/// <summary>GPT-2's byte-pair encoding: the same ids as tiktoken's <c>gpt2</c> encoding for every string.</summary>
public sealed class Gpt2Tokenizer : ITokenizer
{
    /// <summary>The id of <c>&lt;|endoftext|&gt;</c>.</summary>
    public const int EndOfText = Gpt2Vocabulary.Count;

    private readonly Gpt2Vocabulary _vocabulary = Gpt2Vocabulary.Instance;

    /// <inheritdoc/>
    public string Name => "gpt2";

    /// <inheritdoc/>
    public int VocabularySize => EndOfText + 1;

    /// <inheritdoc/>
    public int DocumentToken => EndOfText;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Decode(int id)
    {
        if ((uint)id < Gpt2Vocabulary.Count)
        {
            return _vocabulary.BytesOf(id);
        }

        return id == EndOfText ? SpecialTokens.EndOfTextUtf8 : throw TokenizerErrors.OutsideVocabulary(this, id);
    }

    /// <inheritdoc/>
    public ITokenEncoder CreateEncoder() => new Gpt2Encoder();
}
