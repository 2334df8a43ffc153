using System;

namespace GptEngine.Engine.Tokenization;

/// <summary>The one special token that both tokenizers know, and how text is split at it.</summary>
public static class SpecialTokens
{
    /// <summary>The written form of the document token.</summary>
    public const string EndOfText = "<|endoftext|>";

    /// <summary>The UTF-8 bytes of <see cref="EndOfText"/>.</summary>
    public static ReadOnlySpan<byte> EndOfTextUtf8 => "<|endoftext|>"u8;

    /// <summary>
    /// Encodes the text between special tokens, each stretch by itself as tiktoken does, and the special tokens as
    /// <paramref name="documentToken"/>.
    /// </summary>
    internal static void EncodeAround(ITokenEncoder encoder, ReadOnlySpan<byte> utf8, TokenBuffer output, int documentToken)
    {
        while (true)
        {
            int at = utf8.IndexOf(EndOfTextUtf8);
            if (at < 0)
            {
                break;
            }

            encoder.Encode(utf8[..at], output);
            output.Add((ushort)documentToken);
            utf8 = utf8[(at + EndOfTextUtf8.Length)..];
        }

        encoder.Encode(utf8, output);
    }
}
