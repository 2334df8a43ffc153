using System;
using System.Text;

namespace GptEngine.Gpt.Terminal;

/// <summary>Text that a model made, safe to show: what would move a terminal's cursor or change its state is made visible.</summary>
internal static class Printable
{
    /// <summary>The text with control characters (new lines and tabs excepted) as their pictures.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            result.Append(c switch
            {
                '\n' or '\t' => c,
                < ' ' => (char)(0x2400 + c),
                '\u007f' => '\u2421',
                >= '\u0080' and < '\u00a0' => '\ufffd',
                _ => c,
            });
        }

        return result.ToString();
    }
}
