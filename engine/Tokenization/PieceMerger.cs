using System;
using System.Runtime.CompilerServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// Byte-pair merging of one piece: again and again the adjacent pair whose joined bytes have the lowest rank, the leftmost among equals,
/// becomes one token, until no pair is a token. Short pieces are scanned on the stack; long ones take a heap, so that a word of n letters
/// costs O(n log n) however long it is.
/// </summary>
internal sealed unsafe class PieceMerger
{
    // Where scanning for the minimum each time becomes slower than the heap.
    private const int LongestScanned = 64;

    private readonly Gpt2Vocabulary _vocabulary;
    private readonly LongPieceMerger _long;

    public PieceMerger(Gpt2Vocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _long = new LongPieceMerger(vocabulary);
    }

    /// <summary>Appends the ids of a piece that is no token itself.</summary>
    public void Encode(byte* piece, int length, TokenBuffer output)
    {
        if (length > LongestScanned)
        {
            _long.Encode(piece, length, output);
        }
        else
        {
            Scan(piece, length, output);
        }
    }

    [SkipLocalsInit]
    private void Scan(byte* piece, int length, TokenBuffer output)
    {
        // Part i is piece[starts[i]..starts[i + 1]]; ranks[i] is the rank of parts i and i + 1 joined.
        byte* starts = stackalloc byte[LongestScanned + 1];
        ushort* ids = stackalloc ushort[LongestScanned];
        int* ranks = stackalloc int[LongestScanned];
        for (int i = 0; i < length; i++)
        {
            starts[i] = (byte)i;
            ids[i] = _vocabulary.IdOfByte(piece[i]);
            ranks[i] = i + 1 < length ? _vocabulary.Find(piece + i, 2) : Gpt2Vocabulary.None;
        }

        starts[length] = (byte)length;
        int parts = length;
        while (true)
        {
            int at = 0;
            for (int i = 1; i < parts; i++)
            {
                at = ranks[i] < ranks[at] ? i : at;
            }

            if (ranks[at] == Gpt2Vocabulary.None)
            {
                break;
            }

            ids[at] = (ushort)ranks[at];
            parts--;
            for (int i = at + 1; i < parts; i++)
            {
                starts[i] = starts[i + 1];
                ids[i] = ids[i + 1];
                ranks[i] = ranks[i + 1];
            }

            starts[parts] = (byte)length;
            ranks[at] = at + 1 < parts ? _vocabulary.Find(piece + starts[at], starts[at + 2] - starts[at]) : Gpt2Vocabulary.None;
            if (at > 0)
            {
                ranks[at - 1] = _vocabulary.Find(piece + starts[at - 1], starts[at + 1] - starts[at - 1]);
            }
        }

        output.Add(new ReadOnlySpan<ushort>(ids, parts));
    }
}
