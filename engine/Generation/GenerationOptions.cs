using GptEngine.Runtime;

namespace GptEngine.Engine.Generation;

/// <summary>How text is generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>Tokens at most.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Divides the logits; 0 always takes the most probable token.</summary>
    public float Temperature { get; init; } = 0.8f;

    /// <summary>Draw from the k most probable tokens only; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Draw from the smallest set of most probable tokens that together have at least this probability; 1 for all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Same seed, same text.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The token that opens a document: generation stops where the model gives it.</summary>
    public int DocumentToken { get; init; } = 50256;

    /// <summary>Ids at or above this are never drawn: a model's vocabulary may be padded beyond the tokenizer's.</summary>
    public int VocabularySize { get; init; } = int.MaxValue;

    /// <exception cref="UserErrorException">Usage; names the value and what it may be.</exception>
    public void Check()
    {
        Require(MaxTokens >= 0, "max tokens", MaxTokens, "at least 0");
        Require(Temperature >= 0 && float.IsFinite(Temperature), "temperature", Temperature, "a number from 0 up");
        Require(TopK >= 0, "top k", TopK, "at least 0");
        Require(VocabularySize > 0, "vocabulary size", VocabularySize, "at least 1");
        Require(TopP > 0 && TopP <= 1, "top p", TopP, "above 0 and at most 1");
    }

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
        {
            throw new UserErrorException($"The {name} is {value}; it must be {expected}.", ExitCode.Usage);
        }
    }
}
