using System.Buffers;
using System.IO;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Runtime;

namespace GptEngine.Engine.Tokenization;

/// <summary><c>gpt tokenize</c>: text to ids, in bounded memory however long the text is.</summary>
public static class TokenizeCommand
{
    /// <summary>
    /// Plain: the whole input is one text; its ids go out on one line, a space between them. With
    /// <see cref="TokenizeOptions.JsonLines"/>: each line <c>{"text": …}</c> becomes a line <c>{"ids":[…]}</c>.
    /// </summary>
    /// <exception cref="UserErrorException">A line is no JSON object with a string <c>text</c>; what precedes it has been written.</exception>
    public static void Run(Stream input, Stream output, TokenizeOptions options)
    {
        ITokenEncoder encoder = Tokenizers.Get(options.Tokenizer).CreateEncoder();
        using IdWriter writer = new(output);
        if (options.JsonLines)
        {
            RunLines(input, writer, encoder, options.AllowSpecial);
        }
        else
        {
            RunText(input, writer, encoder, options.AllowSpecial);
        }
    }

    private static void RunText(Stream input, IdWriter writer, ITokenEncoder encoder, bool allowSpecial)
    {
        TokenBuffer ids = new();
        using BlockReader reader = new(input, allowSpecial ? BlockRule.TextWithSpecialTokens : BlockRule.Text);
        bool isFirst = true;
        while (reader.TryRead(out Block block))
        {
            using (block)
            {
                ids.Clear();
                encoder.Encode(block.Bytes, ids, allowSpecial);
                writer.WriteIds(ids.Tokens, separator: (byte)' ', isFirst);
                isFirst &= ids.Count == 0;
            }
        }

        writer.Write("\n"u8);
    }

    private static void RunLines(Stream input, IdWriter writer, ITokenEncoder encoder, bool allowSpecial)
    {
        TokenBuffer ids = new();
        ArrayBufferWriter<byte> text = new();
        JsonLines.ForEach(input, line =>
        {
            string? problem = JsonLine.ReadText(line, text);
            if (problem is null)
            {
                ids.Clear();
                encoder.Encode(text.WrittenSpan, ids, allowSpecial);
                writer.Write("{\"ids\":["u8);
                writer.WriteIds(ids.Tokens, separator: (byte)',', isFirst: true);
                writer.Write("]}\n"u8);
            }

            return problem;
        });
    }
}
