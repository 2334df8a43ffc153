namespace GptEngine.Engine.Tokenization;

/// <summary>What GPT-2's pattern asks of a code point. The values fit two bits, beside a mark for bytes that need decoding.</summary>
internal enum RuneClass : byte
{
    /// <summary><c>\p{L}</c>.</summary>
    Letter = 0,

    /// <summary><c>\p{N}</c>.</summary>
    Number = 1,

    /// <summary>Neither letter, number nor white space.</summary>
    Other = 2,

    /// <summary><c>\s</c>: the Unicode property White_Space.</summary>
    Space = 3,

    /// <summary>Only in the table of first bytes: the byte opens a character of several bytes.</summary>
    MultiByte = 4,
}
