using System;

namespace GptEngine.Engine.Tokenization;

/// <summary>Encodes text with one tokenizer. Holds scratch memory of bounded size, so one thread at a time.</summary>
public interface ITokenEncoder
{
    /// <summary>
    /// Appends the ids of <paramref name="utf8"/> to <paramref name="output"/>. Bytes that are no valid UTF-8 are read as U+FFFD, one for each
    /// maximal invalid part, as Python's <c>errors="replace"</c> and the Unicode standard do.
    /// </summary>
    /// <param name="utf8">The text.</param>
    /// <param name="output">Grows as needed.</param>
    /// <param name="allowSpecial">
    /// Whether a literal <c>&lt;|endoftext|&gt;</c> becomes the document token; otherwise it is ordinary text.
    /// </param>
    void Encode(ReadOnlySpan<byte> utf8, TokenBuffer output, bool allowSpecial = false);
}
