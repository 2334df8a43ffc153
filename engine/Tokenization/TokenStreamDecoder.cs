using System;
using System.Buffers;
using System.Text;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// Turns ids into text as they arrive, for printing a generation live. A character whose bytes are spread over tokens comes out with the
/// last of them, never in halves; bytes that can no longer become a character come out as U+FFFD.
/// </summary>
public sealed class TokenStreamDecoder
{
    private readonly ITokenizer _tokenizer;
    private readonly Decoder _decoder = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetDecoder();

    public TokenStreamDecoder(ITokenizer tokenizer) => _tokenizer = tokenizer;

    /// <summary>The text that <paramref name="id"/> completes; empty while a character is still open.</summary>
    public string Append(int id) => Decode(_tokenizer.Decode(id), flush: false);

    /// <summary>Ends the stream: an open character comes out as U+FFFD. The decoder is then as new.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        // A byte makes at most one UTF-16 unit; the up to three open bytes before them make at most three more.
        int most = bytes.Length + 4;
        char[]? rented = most > 256 ? ArrayPool<char>.Shared.Rent(most) : null;
        Span<char> characters = rented ?? stackalloc char[256];
        int count = _decoder.GetChars(bytes, characters, flush);
        string text = count == 0 ? string.Empty : new string(characters[..count]);
        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }

        return text;
    }
}
