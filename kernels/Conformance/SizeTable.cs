using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// The sizes that every operation is tried at: one, aligned, primes and multiples of primes, just before and just past a tile.
/// </summary>
public static class SizeTable
{
    /// <summary>Rows, and lengths of sequences.</summary>
    public static readonly int[] Rows = [1, 2, 31, 33, 97, 257];

    /// <summary>Channels: the first is the smallest legal one, 8·97 is a multiple of a vector but of no tile.</summary>
    public static readonly int[] Channels = [1, 7, 64, 97, 8 * 97, 1025];

    /// <summary>Head sizes: an odd one, and every multiple of 8 up to 128.</summary>
    public static readonly int[] HeadSizes = [7, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128];

    /// <summary>Those of <see cref="HeadSizes"/> that rotary positions can halve.</summary>
    public static IEnumerable<int> EvenHeadSizes => HeadSizes.Where(size => size % 2 == 0);

    /// <summary>Lengths of flat arrays.</summary>
    public static readonly int[] Counts = [1, 31, 97, 1025, 70_001];

    /// <summary>(N, in, out) of a linear layer.</summary>
    public static readonly (int Rows, int Inputs, int Outputs)[] Linear =
    [
        (1, 1, 1), (1, 8, 97), (2, 97, 1), (31, 64, 192), (33, 97, 31), (64, 128, 256), (97, 8 * 97, 33), (257, 33, 257), (5, 1025, 129),
    ];

    /// <summary>(N, C, V, P) of the head: one word, no padding, a padding of all but one, GPT-2's.</summary>
    public static readonly (int Rows, int Channels, int Vocabulary, int Padded)[] Head =
    [
        (1, 1, 1, 128), (2, 8, 97, 128), (33, 97, 128, 128), (97, 64, 129, 256), (257, 33, 1000, 1024), (3, 16, 50_257, 50_304),
    ];
}
