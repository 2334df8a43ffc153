using System.Text;
using GptEngine.Engine.Tokenization;
using NUnit.Framework;

namespace GptEngine.Tests.Tokenization;

public sealed class TokenStreamDecoderTests
{
    [TestCase("gpt2")]
    [TestCase("byte")]
    public void Append_AnyText_NeverEmitsHalfACharacter(string name)
    {
        ITokenizer tokenizer = Tokenizers.Get(name);
        const string Text = "naïve café — 日本語 👩‍👩‍👧 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010FFFF end";
        TokenStreamDecoder decoder = new(tokenizer);
        StringBuilder all = new();
        foreach (int id in tokenizer.Encode(Text))
        {
            string part = decoder.Append(id);
            Assert.That(part, Does.Not.Contain('\uFFFD'));
            Assert.That(part.Length == 0 || (!char.IsLowSurrogate(part[0]) && !char.IsHighSurrogate(part[^1])), Is.True);
            all.Append(part);
        }

        Assert.That(decoder.Flush(), Is.Empty);
        Assert.That(all.ToString(), Is.EqualTo(Text));
    }

    [Test]
    public void Flush_OpenCharacter_ComesOutAsReplacement()
    {
        TokenStreamDecoder decoder = new(new ByteTokenizer());
        Assert.That(decoder.Append(0xE2) + decoder.Append(0x82), Is.Empty);
        Assert.That(decoder.Flush(), Is.EqualTo("\uFFFD"));
        Assert.That(decoder.Append('x'), Is.EqualTo("x"));
    }

    [Test]
    public void Append_BytesThatCannotBecomeACharacter_ComeOutAsReplacement()
    {
        TokenStreamDecoder decoder = new(new ByteTokenizer());
        Assert.That(decoder.Append(0xE2), Is.Empty);
        Assert.That(decoder.Append('a'), Is.EqualTo("\uFFFDa"));
    }

    [Test]
    public void ByteTokenizer_EveryByteAndTheDocumentToken_AreRepresentable()
    {
        ByteTokenizer tokenizer = new();
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(257));
        Assert.That(tokenizer.Encode("é<|endoftext|>", allowSpecial: true), Is.EqualTo(new[] { 0xC3, 0xA9, 256 }));
        for (int id = 0; id < 256; id++)
        {
            Assert.That(tokenizer.Decode(id).ToArray(), Is.EqualTo(new[] { (byte)id }));
        }
    }
}
