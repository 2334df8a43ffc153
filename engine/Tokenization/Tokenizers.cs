using System;
using System.Collections.Generic;
using System.Text;
using GptEngine.Runtime;

namespace GptEngine.Engine.Tokenization;

/// <summary>The tokenizers by name, and the conveniences that need no encoder of one's own.</summary>
public static class Tokenizers
{
    /// <summary>The names that <see cref="Get"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["gpt2", "byte"];

    /// <exception cref="UserErrorException">No tokenizer has that name.</exception>
    public static ITokenizer Get(string name) => name switch
    {
        "gpt2" => new Gpt2Tokenizer(),
        "byte" => new ByteTokenizer(),
        _ => throw new UserErrorException($"There is no tokenizer \"{name}\". Use one of: {string.Join(", ", Names)}.", ExitCode.Usage),
    };

    /// <summary>Encodes one text. A lone surrogate is read as U+FFFD.</summary>
    public static int[] Encode(this ITokenizer tokenizer, string text, bool allowSpecial = false)
    {
        TokenBuffer output = new();
        tokenizer.CreateEncoder().Encode(Encoding.UTF8.GetBytes(text), output, allowSpecial);
        return output.ToArray();
    }

    /// <summary>Decodes ids to text; bytes that are no UTF-8 come out as U+FFFD.</summary>
    public static string DecodeText(this ITokenizer tokenizer, ReadOnlySpan<int> ids)
    {
        TokenStreamDecoder decoder = new(tokenizer);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(decoder.Append(id));
        }

        return text.Append(decoder.Flush()).ToString();
    }
}
