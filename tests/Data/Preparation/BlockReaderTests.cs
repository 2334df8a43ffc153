using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Engine.Tokenization;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Preparation;

public sealed class BlockReaderTests
{
    [Test]
    public void TextCut_AnyText_EncodesAsTheWhole()
    {
        Gpt2Tokenizer tokenizer = new();
        foreach ((string text, int[] ids) in Tokenization.TokenizerVectors.Read("tokenizer_gpt2_random.jsonl"))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            for (int end = 1; end <= bytes.Length; end++)
            {
                // What precedes the cut depends on nothing after it, so a cut found in a part of the text holds for all of it.
                int cut = TextCut.FindLast(bytes.AsSpan(0, end), onlyBeforeSpace: false);
                TokenBuffer output = new();
                ITokenEncoder encoder = tokenizer.CreateEncoder();
                encoder.Encode(bytes.AsSpan(0, cut), output);
                encoder.Encode(bytes.AsSpan(cut), output);
                Assert.That(output.ToArray(), Is.EqualTo(ids), $"{text} cut at {cut}");
            }
        }
    }

    [Test]
    public void TryRead_Blocks_JoinToTheStreamAndEndAtRecords()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => new string('x', i % 50) + "\n")));
        List<byte[]> blocks = Read(bytes, BlockRule.Lines, out _);
        Assert.That(blocks.SelectMany(block => block), Is.EqualTo(bytes));
        Assert.That(blocks.Select(block => block[^1]), Is.All.EqualTo((byte)'\n'));
    }

    [Test]
    public void TryRead_RecordLongerThanAllowed_IsDroppedInBoundedMemory()
    {
        using EndlessLine stream = new(300L << 20);
        using BlockReader reader = new(stream, BlockRule.Lines);
        long before = GC.GetTotalAllocatedBytes();
        List<(int Length, bool IsOversized)> blocks = [];
        while (reader.TryRead(out Block block))
        {
            using (block)
            {
                blocks.Add((block.Bytes.Length, block.IsOversized));
            }
        }

        Assert.That(blocks.Count(block => block.IsOversized), Is.EqualTo(1));
        Assert.That(blocks.Where(block => !block.IsOversized).Sum(block => block.Length), Is.EqualTo("first\n".Length + "last\n".Length));
        Assert.That(GC.GetTotalAllocatedBytes() - before, Is.LessThan(400L << 20));
    }

    private static List<byte[]> Read(byte[] bytes, BlockRule rule, out int oversized)
    {
        using MemoryStream stream = new(bytes);
        using BlockReader reader = new(stream, rule);
        List<byte[]> blocks = [];
        oversized = 0;
        while (reader.TryRead(out Block block))
        {
            using (block)
            {
                blocks.Add(block.Bytes.ToArray());
                oversized += block.IsOversized ? 1 : 0;
            }
        }

        return blocks;
    }

    /// <summary>"first", a line of many zeros, "last".</summary>
    private sealed class EndlessLine(long length) : Stream
    {
        private readonly MemoryStream _first = new("first\n"u8.ToArray());
        private readonly MemoryStream _last = new("\nlast\n"u8.ToArray());
        private long _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = _first.Read(buffer, offset, count);
            if (read == 0 && _left > 0)
            {
                read = (int)Math.Min(count, _left);
                buffer.AsSpan(offset, read).Fill((byte)'0');
                _left -= read;
            }

            return read > 0 ? read : _last.Read(buffer, offset, count);
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
