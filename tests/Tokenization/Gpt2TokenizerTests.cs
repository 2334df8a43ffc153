using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Tokenization;

public sealed class Gpt2TokenizerTests
{
    private static readonly Gpt2Tokenizer Tokenizer = new();

    [Test]
    public void Vocabulary_EmbeddedFile_IsOpenAisPublishedOne()
    {
        using Stream resource = Gpt2Vocabulary.OpenResource();
        Assert.That(
            Convert.ToHexStringLower(SHA256.HashData(resource)),
            Is.EqualTo("306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"));
    }

    [Test]
    public void Vocabulary_EveryLine_IsReadAsBase64AndRank()
    {
        using StreamReader lines = new(Gpt2Vocabulary.OpenResource());
        int count = 0;
        while (lines.ReadLine() is { } line)
        {
            string[] parts = line.Split(' ');
            byte[] expected = Convert.FromBase64String(parts[0]);
            Assert.That(Tokenizer.Decode(int.Parse(parts[1])).SequenceEqual(expected), Is.True, line);
            count++;
        }

        Assert.That(count, Is.EqualTo(Tokenizer.VocabularySize - 1));
    }

    [TestCase("tokenizer_gpt2_vectors.jsonl", false)]
    [TestCase("tokenizer_gpt2_random.jsonl", false)]
    [TestCase("tokenizer_gpt2_special_vectors.jsonl", true)]
    public void Encode_StoredVectors_MatchTiktoken(string file, bool allowSpecial) =>
        CheckVectors(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "tokenizer", file), allowSpecial);

    [Test]
    public void Encode_LiteralSpecialToken_IsOrdinaryTextUnlessAllowed()
    {
        int[] ordinary = Tokenizer.Encode("a<|endoftext|>b");
        Assert.That(ordinary, Does.Not.Contain(Tokenizer.DocumentToken));
        Assert.That(Tokenizer.DecodeText(ordinary), Is.EqualTo("a<|endoftext|>b"));
        Assert.That(Tokenizer.Encode("a<|endoftext|>b", allowSpecial: true), Is.EqualTo(new[] { 64, Tokenizer.DocumentToken, 65 }));
    }

    [Test]
    public void Encode_EveryToken_IsItselfOrDecodesBack()
    {
        // A token's bytes need not encode to that token (the pattern may split them), but they always come back.
        TokenBuffer output = new();
        ITokenEncoder encoder = Tokenizer.CreateEncoder();
        for (int id = 0; id < Tokenizer.DocumentToken; id++)
        {
            byte[] bytes = Tokenizer.Decode(id).ToArray();
            if (!System.Text.Unicode.Utf8.IsValid(bytes))
            {
                continue;
            }

            output.Clear();
            encoder.Encode(bytes, output);
            Assert.That(DecodeBytes(output.ToArray()), Is.EqualTo(bytes), $"token {id}");
        }
    }

    [Test]
    public void EncodeDecode_AnyString_RoundTrips()
    {
        ITokenEncoder encoder = Tokenizer.CreateEncoder();
        Prop.ForAll<string>(text =>
        {
            // FsCheck makes lone surrogates too; UTF-8 has U+FFFD for them.
            byte[] bytes = Encoding.UTF8.GetBytes(text ?? string.Empty);
            TokenBuffer output = new();
            encoder.Encode(bytes, output);
            return DecodeBytes(output.ToArray()).AsSpan().SequenceEqual(bytes);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(300));
    }

    [Test]
    public void Encode_InvalidUtf8_IsReadAsPythonsReplace()
    {
        (byte[] Bytes, string Text)[] cases =
        [
            ([0xFF], "\uFFFD"),
            ([(byte)'a', 0xC3, (byte)'b'], "a\uFFFDb"),
            ([0xE2, 0x82], "\uFFFD"),
            ([0xE2, 0x82, (byte)'x'], "\uFFFDx"),
            ([0xF0, 0x9F, 0x98, 0xF0, 0x9F, 0x98, 0x80], "\uFFFD\U0001F600"),
            ([0xED, 0xA0, 0x80], "\uFFFD\uFFFD\uFFFD"),
            ([0xC0, 0xAF], "\uFFFD\uFFFD"),
            ([0xF5, 0x80, 0x80, 0x80], "\uFFFD\uFFFD\uFFFD\uFFFD"),
        ];
        foreach ((byte[] bytes, string text) in cases)
        {
            TokenBuffer output = new();
            Tokenizer.CreateEncoder().Encode(bytes, output);
            Assert.That(output.ToArray(), Is.EqualTo(Tokenizer.Encode(text)), Convert.ToHexString(bytes));
        }
    }

    [Test]
    public void Encode_AnyBytes_DoesNotThrow()
    {
        ITokenEncoder encoder = Tokenizer.CreateEncoder();
        Random random = new(7);
        byte[] bytes = new byte[512];
        for (int i = 0; i < 2000; i++)
        {
            Span<byte> some = bytes.AsSpan(0, random.Next(bytes.Length));
            random.NextBytes(some);
            TokenBuffer output = new();
            encoder.Encode(some, output);
            Assert.That(
                Encoding.UTF8.GetString(DecodeBytes(output.ToArray())), Is.EqualTo(Encoding.UTF8.GetString(some)));
        }
    }

    [Test]
    public void Encode_SameTextAgain_GivesTheSameIdsFromTheCache()
    {
        ITokenEncoder encoder = Tokenizer.CreateEncoder();
        foreach ((string text, int[] ids) in TokenizerVectors.Read("tokenizer_gpt2_random.jsonl").Concat(
            TokenizerVectors.Read("tokenizer_gpt2_random.jsonl").Reverse()))
        {
            TokenBuffer output = new();
            encoder.Encode(Encoding.UTF8.GetBytes(text), output);
            Assert.That(output.ToArray(), Is.EqualTo(ids));
        }
    }

    [TestCase(-1)]
    [TestCase(50257)]
    [TestCase(int.MaxValue)]
    public void Decode_IdOutsideVocabulary_NamesIt(int id) => Assert.That(
        () => Tokenizer.Decode(id).Length,
        Throws.TypeOf<UserErrorException>().With.Message.Contains(id.ToString()));

    internal static byte[] DecodeBytes(int[] ids)
    {
        using MemoryStream bytes = new();
        foreach (int id in ids)
        {
            bytes.Write(Tokenizer.Decode(id));
        }

        return bytes.ToArray();
    }

    private static void CheckVectors(string path, bool allowSpecial)
    {
        int count = 0;
        ITokenEncoder encoder = Tokenizer.CreateEncoder();
        TokenBuffer output = new();
        foreach ((string text, int[] ids) in TokenizerVectors.ReadFile(path))
        {
            output.Clear();
            encoder.Encode(Encoding.UTF8.GetBytes(text), output, allowSpecial);
            Assert.That(output.ToArray(), Is.EqualTo(ids), text);
            count++;
        }

        Assert.That(count, Is.GreaterThan(3));
    }
}
