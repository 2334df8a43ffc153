using System;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>
/// How the head's work is cut. Rows go in chunks whose logits sit in the last-level cache; the vocabulary in slices, the unit of parallel
/// work, and those in blocks, the unit of cache blocking. All depend on the shape alone, never on threads, so that the bits do not either.
/// </summary>
internal readonly struct HeadBlocking
{
    /// <summary>Vocabulary rows of a block: with 256 tokens its logits are 64 KiB.</summary>
    public const int BlockRows = 64;

    private const int MaxSlices = 32;
    private const int MaxChunkRows = 256;

    public HeadBlocking(long rows, long channels, long vocabulary, int columnMultiple)
    {
        // Even chunks: 130 rows are 2 of 96 padded, not 128 and a remainder of 2.
        long chunks = Math.Max(1, (rows + MaxChunkRows - 1) / MaxChunkRows);
        long even = (rows + chunks - 1) / chunks;
        ChunkRows = (int)RoundUp(Math.Max(1, even), Math.Max(columnMultiple, 32));
        Blocks = (int)((vocabulary + BlockRows - 1) / BlockRows);
        BlocksPerSlice = Math.Max(1, (Blocks + MaxSlices - 1) / MaxSlices);
        Slices = (Blocks + BlocksPerSlice - 1) / BlocksPerSlice;
        PaddedChannels = (int)RoundUp(channels, columnMultiple);
        Channels = (int)channels;
    }

    /// <summary>R: tokens of a chunk, padded to whole register tiles.</summary>
    public int ChunkRows { get; }

    /// <summary>
    /// Floats from one vocabulary row of logits to the next, and of the transposed input: off powers of two, whose rows would all fall into
    /// the same few sets of the first-level cache.
    /// </summary>
    public int Stride => ChunkRows + (ChunkRows % 64 == 0 ? 16 : 0);

    public int Channels { get; }

    /// <summary>C padded to whole register tiles.</summary>
    public int PaddedChannels { get; }

    /// <summary>Floats from one row of the input's copy to the next; off powers of two too.</summary>
    public int InputStride => PaddedChannels + (PaddedChannels % 64 == 0 ? 16 : 0);

    /// <summary>Blocks of the vocabulary.</summary>
    public int Blocks { get; }

    public int BlocksPerSlice { get; }

    /// <summary>Slices of the vocabulary.</summary>
    public int Slices { get; }

    private static long RoundUp(long value, long multiple) => (value + multiple - 1) / multiple * multiple;
}
