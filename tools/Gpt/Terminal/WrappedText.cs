using System.Collections.Generic;
using System.IO;

namespace GptEngine.Gpt.Terminal;

/// <summary>Sentences under a table, broken between words so that they fit where the table fits.</summary>
internal static class WrappedText
{
    private const int Width = 100;

    /// <summary>Prints the text in lines of at most 100 columns; a longer word stands alone.</summary>
    public static void Write(TextWriter output, string text)
    {
        var line = new List<string>();
        int length = -1;
        foreach (string word in text.Split(' '))
        {
            if (line.Count > 0 && length + 1 + word.Length > Width)
            {
                output.WriteLine(string.Join(' ', line));
                line.Clear();
                length = -1;
            }

            line.Add(word);
            length += 1 + word.Length;
        }

        output.WriteLine(string.Join(' ', line));
    }
}
