namespace GptEngine.Engine.Tokenization;

/// <summary>What <c>gpt tokenize</c> and <c>gpt detokenize</c> are asked for.</summary>
public readonly record struct TokenizeOptions
{
    public TokenizeOptions()
    {
    }

    /// <summary>The tokenizer's name.</summary>
    public string Tokenizer { get; init; } = "gpt2";

    /// <summary>Whether a literal <c>&lt;|endoftext|&gt;</c> in the text is the document token. Only for tokenizing.</summary>
    public bool AllowSpecial { get; init; }

    /// <summary>One JSON object a line in and out, instead of one text.</summary>
    public bool JsonLines { get; init; }
}
