using System;
using System.Text;
using GptEngine.Engine.Tokenization;
using NUnit.Framework;

namespace GptEngine.Tests.Tokenization;

public sealed class LongPieceTests
{
    private static readonly Gpt2Tokenizer Tokenizer = new();

    // Around the length where the stack scan hands over to the heap, and well above it.
    [TestCase(15)]
    [TestCase(16)]
    [TestCase(17)]
    [TestCase(63)]
    [TestCase(64)]
    [TestCase(65)]
    [TestCase(66)]
    [TestCase(1000)]
    [TestCase(10_000)]
    public void Encode_EndlessWord_MatchesPlainMerging(int length)
    {
        Random random = new(length);
        foreach (string alphabet in (string[])["a", "ab", "etaoinshr", "abcdefghijklmnopqrstuvwxyz"])
        {
            byte[] word = Encoding.ASCII.GetBytes(random.GetString(alphabet, length));
            TokenBuffer output = new();
            Tokenizer.CreateEncoder().Encode(word, output);
            Assert.That(output.ToArray(), Is.EqualTo(PlainMerging.Encode(word)), alphabet);
        }
    }

    [TestCase(' ', 1_000_000)]
    [TestCase('a', 1_000_000)]
    [TestCase('=', 1_000_000)]
    [TestCase('\u4e2d', 300_000)]
    public void Encode_MillionOfOneCharacter_EndsAndComesBack(char character, int count)
    {
        byte[] word = Encoding.UTF8.GetBytes(new string(character, count));
        TokenBuffer output = new();
        Tokenizer.CreateEncoder().Encode(word, output);
        Assert.That(Gpt2TokenizerTests.DecodeBytes(output.ToArray()).AsSpan().SequenceEqual(word), Is.True);
    }

    [Test]
    public void Encode_MillionRandomLetters_ComesBack()
    {
        byte[] word = Encoding.ASCII.GetBytes(new Random(1).GetString("abcdefghijklmnopqrstuvwxyz", 1_000_000));
        TokenBuffer output = new();
        Tokenizer.CreateEncoder().Encode(word, output);
        Assert.That(output.Count, Is.InRange(300_000, 700_000));
        Assert.That(Gpt2TokenizerTests.DecodeBytes(output.ToArray()).AsSpan().SequenceEqual(word), Is.True);
    }
}
