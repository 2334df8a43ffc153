using System.Collections.Generic;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>The ids of one block's documents, and what could not be read. Reused from block to block.</summary>
internal sealed class EncodedBlock
{
    /// <summary>How many broken records are described; the rest is only counted.</summary>
    public const int MostDescribed = 10;

    public TokenBuffer Tokens { get; } = new(256 << 10);

    public List<DocumentSpan> Documents { get; } = [];

    public List<BrokenRecord> Broken { get; } = [];

    public long BrokenCount { get; set; }

    /// <summary>Lines, or members, that the block has: to number those of the next.</summary>
    public long Records { get; set; }

    /// <summary>Bytes of text that were encoded.</summary>
    public long TextBytes { get; set; }

    public void Clear()
    {
        Tokens.Clear();
        Documents.Clear();
        Broken.Clear();
        BrokenCount = Records = TextBytes = 0;
    }

    public void AddBroken(long record, string problem)
    {
        BrokenCount++;
        if (Broken.Count < MostDescribed)
        {
            Broken.Add(new BrokenRecord(record, problem));
        }
    }

    /// <summary>A document, or the next part of one that began in an earlier block.</summary>
    internal readonly record struct DocumentSpan(int Start, int Length, bool Continues, ulong Hash);

    /// <summary>A record that could not be read, by its number within the block, from 0.</summary>
    internal readonly record struct BrokenRecord(long Record, string Problem);
}
