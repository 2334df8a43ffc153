using GptEngine.Runtime;

namespace GptEngine.Engine.Tokenization;

/// <summary>The errors that both tokenizers raise.</summary>
internal static class TokenizerErrors
{
    public static UserErrorException OutsideVocabulary(ITokenizer tokenizer, long id) => new(
        $"Token id {id} is outside the {tokenizer.Name} vocabulary of {tokenizer.VocabularySize} ids. Use the tokenizer that made the ids.");
}
