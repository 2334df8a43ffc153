using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Tokenization;

public sealed class TokenizeCommandTests
{
    [Test]
    public void Tokenize_Text_PrintsIdsOnOneLine() =>
        Assert.That(Tokenize("Hello, world!", new()), Is.EqualTo("15496 11 995 0\n"));

    [Test]
    public void Tokenize_Nothing_PrintsAnEmptyLine() => Assert.That(Tokenize("", new()), Is.EqualTo("\n"));

    [Test]
    public void Tokenize_AllowSpecial_KnowsTheDocumentToken()
    {
        Assert.That(Tokenize("One<|endoftext|>", new() { AllowSpecial = true }), Is.EqualTo("3198 50256\n"));
        Assert.That(Tokenize("One<|endoftext|>", new()), Does.Not.Contain("50256"));
    }

    [TestCase("tokenizer_gpt2_vectors.jsonl", false)]
    [TestCase("tokenizer_gpt2_random.jsonl", false)]
    [TestCase("tokenizer_gpt2_special_vectors.jsonl", true)]
    public void Tokenize_JsonLines_MatchVectorsAndComeBack(string file, bool allowSpecial)
    {
        (string Text, int[] Ids)[] vectors = [.. TokenizerVectors.Read(file)];
        string input = string.Concat(vectors.Select(v => JsonSerializer.Serialize(new { text = v.Text }) + "\n"));
        TokenizeOptions options = new() { JsonLines = true, AllowSpecial = allowSpecial };
        string ids = Tokenize(input, options);
        string expected = string.Concat(vectors.Select(v => $"{{\"ids\":[{string.Join(',', v.Ids)}]}}\n"));
        Assert.That(ids, Is.EqualTo(expected));

        string hex = Encoding.UTF8.GetString(Detokenize(Encoding.UTF8.GetBytes(ids), options));
        string expectedHex = string.Concat(
            vectors.Select(v => $"{{\"bytes_hex\":\"{Convert.ToHexStringLower(Encoding.UTF8.GetBytes(v.Text))}\"}}\n"));
        Assert.That(hex, Is.EqualTo(expectedHex));
    }

    [Test]
    public void Tokenize_TextOfManyBlocks_GivesTheIdsOfTheWhole()
    {
        foreach ((string name, string text) in LargeTexts())
        {
            foreach (bool allowSpecial in (bool[])[false, true])
            {
                string ids = Tokenize(text, new() { AllowSpecial = allowSpecial });
                string expected = string.Join(' ', new Gpt2Tokenizer().Encode(text, allowSpecial)) + "\n";
                Assert.That(ids == expected, Is.True, $"{name}, allow special {allowSpecial}");
                if (!allowSpecial)
                {
                    byte[] back = Detokenize(Encoding.UTF8.GetBytes(ids), new());
                    Assert.That(back.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(text)), Is.True, name);
                }
            }
        }
    }

    [TestCase("{\"text\":\"\\ud83d\\ude00\"}", "\U0001F600")]
    [TestCase("{\"text\":\"\\ud83d\"}", "\uFFFD")]
    [TestCase("{\"text\":\"\\ud83dx\\ude00\"}", "\uFFFDx\uFFFD")]
    [TestCase("{\"text\":\"\\ud83d\\ud83d\\ude00\"}", "\uFFFD\U0001F600")]
    [TestCase("{\"a\":[{\"text\":1}],\"text\":\"first\",\"t\\u0065xt\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"}", "\"\\/\b\f\n\r\té")]
    [TestCase("\uFEFF{\"text\":\"mark\"}\r", "mark")]
    public void Tokenize_JsonStrings_AreUnescaped(string line, string text)
    {
        string expected = $"{{\"ids\":[{string.Join(',', new Gpt2Tokenizer().Encode(text))}]}}\n";
        Assert.That(Tokenize(line + "\n\n", new() { JsonLines = true }), Is.EqualTo(expected));
    }

    [TestCase("{\"text\":\"a\"")]
    [TestCase("{\"text\":\"a\"} x")]
    [TestCase("{\"text\":5}")]
    [TestCase("{}")]
    [TestCase("[]")]
    [TestCase("\"text\"")]
    [TestCase("{\"\\ud800\":1}")]
    [TestCase("nonsense")]
    public void Tokenize_BrokenLine_IsNamedByItsNumber(string line) => Assert.That(
        () => Tokenize("{\"text\":\"good\"}\n\n" + line, new() { JsonLines = true }),
        Throws.TypeOf<UserErrorException>().With.Message.StartsWith("Line 3 of the input"));

    [TestCase("12 x", "Byte 3")]
    [TestCase("50257", "50257")]
    [TestCase("99999999999999999999", "outside")]
    [TestCase("-1", "Byte 0")]
    public void Detokenize_WhatIsNoId_IsNamed(string input, string part) => Assert.That(
        () => Detokenize(Encoding.UTF8.GetBytes(input), new()), Throws.TypeOf<UserErrorException>().With.Message.Contains(part));

    [TestCase("{\"ids\":[1,2.5]}")]
    [TestCase("{\"ids\":[1,\"2\"]}")]
    [TestCase("{\"ids\":7}")]
    [TestCase("{\"ids\":[70000]}")]
    [TestCase("{\"ids\":[1")]
    public void Detokenize_BrokenLine_IsAUserError(string line) => Assert.That(
        () => Detokenize(Encoding.UTF8.GetBytes(line), new() { JsonLines = true }), Throws.TypeOf<UserErrorException>());

    private static IEnumerable<(string Name, string Text)> LargeTexts()
    {
        Random random = new(3);
        string[] words = ["the", " quick", "'s", "\n\n", "  ", " 123", "中文字", "<|endoftext|>", "😀", "!?", "\u00A0", "\u2003", "x", "don't", "..."];
        yield return ("words", string.Concat(Enumerable.Range(0, 700_000).Select(_ => words[random.Next(words.Length)])));
        yield return ("one word", random.GetString("abcdefghijklmnopqrstuvwxyz", 1_500_000));
        yield return ("spaces, then a word", new string(' ', 1_200_000) + "end");
        yield return ("no space, many special tokens", string.Concat(Enumerable.Repeat("<|endoftext|>", 100_000)));
    }

    private static string Tokenize(string input, TokenizeOptions options)
    {
        using MemoryStream output = new();
        using MemoryStream stream = new(Encoding.UTF8.GetBytes(input));
        TokenizeCommand.Run(stream, output, options);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static byte[] Detokenize(byte[] input, TokenizeOptions options)
    {
        using MemoryStream output = new();
        using MemoryStream stream = new(input);
        DetokenizeCommand.Run(stream, output, options);
        return output.ToArray();
    }
}
