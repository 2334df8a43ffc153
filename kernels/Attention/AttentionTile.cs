using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu.Gemm;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// The steps that attention's forward and backward passes share. A tile of scores is kept transposed, (keys, queries): softmax's maxima and
/// sums then run down the lanes of a vector, never across them, and every product reads its operands as they lie.
/// </summary>
internal static unsafe class AttentionTile<V>
    where V : unmanaged, ISimd<V>
{
    /// <summary>Queries of a tile; a multiple of every register tile's columns.</summary>
    public const int Queries = 64;

    /// <summary>Keys of a tile.</summary>
    public const int Keys = 64;

    /// <summary>With larger heads the tiles of the backward pass would not fit a worker's memory.</summary>
    public const int MaxHeadSize = 4096;

    /// <summary>What hides a score: far below any real one, and finite, so that differences of it are never NaN.</summary>
    public const float Hidden = -1e30f;

    /// <summary>The head size padded to whole register tiles.</summary>
    public static int Padded(int headSize) => (headSize + TileProduct<V>.ColumnMultiple - 1) / TileProduct<V>.ColumnMultiple * TileProduct<V>.ColumnMultiple;

    /// <summary>Copies rows of one head into a dense (rows, padded) tile, zeros behind the head's end.</summary>
    public static void CopyRows(float* from, long stride, int rows, int headSize, float* to, int padded)
    {
        for (int row = 0; row < rows; row++, from += stride, to += padded)
        {
            int d = 0;
            for (; d + V.Count <= headSize; d += V.Count)
                V.Load(from + d).Store(to + d);
            for (; d < headSize; d++)
                to[d] = from[d];
            for (; d < padded; d++)
                to[d] = 0;
        }
    }

    /// <summary>Copies rows of one head into a transposed (D, Queries) tile times <paramref name="factor"/>, zeros for rows that are not there.</summary>
    public static void Transpose(float* from, long stride, int rows, int headSize, float* to, float factor)
    {
        new RowMajorLines(from, stride).Pack(0, rows, Queries, 0, headSize, true, to);
        if (factor == 1.0f)
            return;
        V scale = V.Create(factor);
        for (int i = 0; i < headSize * Queries; i += V.Count)
            (V.Load(to + i) * scale).Store(to + i);
    }

    /// <summary>
    /// Hides what the causal and the document mask hide in a (keys, Queries) tile. A key is seen by a contiguous run of queries: from itself
    /// on, to the last one whose document starts no later.
    /// </summary>
    /// <param name="scores">The tile.</param>
    /// <param name="firstKey">Key of the tile's first row.</param>
    /// <param name="keys">Rows of the tile.</param>
    /// <param name="firstQuery">Query of the tile's first column.</param>
    /// <param name="queries">Columns that are real.</param>
    /// <param name="documentStart">(T) of this sequence.</param>
    /// <param name="hidden">What to write.</param>
    public static void Mask(float* scores, int firstKey, int keys, int firstQuery, int queries, int* documentStart, float hidden)
    {
        int* start = documentStart + firstQuery;
        if (firstKey + keys - 1 <= firstQuery && start[queries - 1] <= firstKey)
            return;
        int end = 0;
        for (int key = 0; key < keys; key++, scores += Queries)
        {
            int first = Math.Clamp(firstKey + key - firstQuery, 0, Queries);
            while (end < queries && start[end] <= firstKey + key)
                end++;
            new Span<float>(scores, first).Fill(hidden);
            if (end < queries)
                new Span<float>(scores + Math.Max(first, end), Queries - Math.Max(first, end)).Fill(hidden);
        }
    }
}
