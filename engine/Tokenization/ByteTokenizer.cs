using System;
using System.Text.Unicode;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// One id a byte: ids 0 to 255 are the bytes of the text's UTF-8, 256 is the document token. The vocabulary of 257 keeps every byte
/// representable beside a token that opens documents.
/// </summary>
public sealed class ByteTokenizer : ITokenizer
{
    /// <summary>The id of <c>&lt;|endoftext|&gt;</c>.</summary>
    public const int EndOfText = 256;

    private static readonly byte[] AllBytes = BuildAllBytes();

    /// <inheritdoc/>
    public string Name => "byte";

    /// <inheritdoc/>
    public int VocabularySize => EndOfText + 1;

    /// <inheritdoc/>
    public int DocumentToken => EndOfText;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Decode(int id)
    {
        if ((uint)id < EndOfText)
        {
            return AllBytes.AsSpan(id, 1);
        }

        return id == EndOfText ? SpecialTokens.EndOfTextUtf8 : throw TokenizerErrors.OutsideVocabulary(this, id);
    }

    /// <inheritdoc/>
    public ITokenEncoder CreateEncoder() => new Encoder();

    private static byte[] BuildAllBytes()
    {
        byte[] bytes = new byte[EndOfText];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)i;
        }

        return bytes;
    }

    private sealed class Encoder : ITokenEncoder
    {
        public void Encode(ReadOnlySpan<byte> utf8, TokenBuffer output, bool allowSpecial = false)
        {
            if (allowSpecial)
            {
                SpecialTokens.EncodeAround(this, utf8, output, EndOfText);
            }
            else
            {
                output.AddWidened(Utf8.IsValid(utf8) ? utf8 : Utf8Repair.Replace(utf8));
            }
        }
    }
}
