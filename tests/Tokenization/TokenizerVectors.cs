using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using NUnit.Framework;

namespace GptEngine.Tests.Tokenization;

/// <summary>The stored vectors of <c>Golden/tokenizer</c>; see the README there for their origin.</summary>
internal static class TokenizerVectors
{
    public static IEnumerable<(string Text, int[] Ids)> Read(string name) =>
        ReadFile(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "tokenizer", name));

    public static IEnumerable<(string Text, int[] Ids)> ReadFile(string path)
    {
        foreach (string line in File.ReadLines(path).Where(line => line.Length > 0))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            string text = document.RootElement.GetProperty("text").GetString()!;
            yield return (text, [.. document.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())]);
        }
    }
}
