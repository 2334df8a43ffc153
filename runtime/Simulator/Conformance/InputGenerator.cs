using System;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>Draws operands: a third from the edges of their kind, the rest at random over all bit patterns or a moderate range.</summary>
public static class InputGenerator
{
    private static readonly ulong[] s_integers = [0, 1, 2, 31, 32, 33, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, long.MaxValue, 1ul << 63, ulong.MaxValue];

    private static readonly uint[] s_singles =
    [
        0, 0x8000_0000, 1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000, 0x8080_0000, 0x3F80_0000, 0xBF80_0000, 0x3F80_0001, 0x3F7F_FFFF, 0x7F7F_FFFF,
        0xFF7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7FA1_2345, 0xFFC0_0001, 0x3F00_0000, 0x3FC0_0000, 0x4020_0000, 0x4B80_0000, 0x4F00_0000, 0xCF00_0000, 0x5F00_0000,
    ];

    private static readonly ulong[] s_doubles =
    [
        0, 1ul << 63, 1, 0x000F_FFFF_FFFF_FFFF, 0x0010_0000_0000_0000, 0x3FF0_0000_0000_0000, 0xBFF0_0000_0000_0001, 0x7FEF_FFFF_FFFF_FFFF,
        0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 0x7FF8_0000_0000_0000, 0x41E0_0000_0000_0000, 0xC1E0_0000_0020_0000, 0x43E0_0000_0000_0000,
    ];

    private static readonly ushort[] s_halves =
        [0, 0x8000, 1, 0x8001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x3C01, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x7D01, 0x3800, 0x3E00];

    private static readonly ushort[] s_bfloat16s =
        [0, 0x8000, 1, 0x8001, 0x007F, 0x0080, 0x3F80, 0xBF80, 0x3F81, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0x3F00];

    /// <summary>Draws one operand.</summary>
    /// <param name="pattern">The kind.</param>
    /// <param name="operand">0, 1 or 2.</param>
    /// <param name="size">Bytes that are used of it.</param>
    /// <param name="random">Where it comes from.</param>
    public static ulong Draw(InputPattern pattern, int operand, int size, Random random)
    {
        bool edge = random.Next(3) == 0;
        ulong bits = (ulong)random.NextInt64() ^ ((ulong)random.Next() << 40);
        return pattern switch
        {
            InputPattern.Shifts when operand > 0 => (ulong)random.Next(edge ? 260 : (8 * 8) + 4),
            InputPattern.Integers or InputPattern.Shifts => edge ? s_integers[random.Next(s_integers.Length)] : random.Next(4) == 0 ? bits & 0xFF : bits,
            InputPattern.ModerateSingles => BitConverter.SingleToUInt32Bits((float)((random.NextDouble() + 0.5) * Math.ScaleB(random.Next(2) == 0 ? 1 : -1, random.Next(-64, 64)))),
            InputPattern.Singles when size == 4 => edge ? s_singles[random.Next(s_singles.Length)] : Single(bits, random),
            InputPattern.Singles or InputPattern.Doubles => edge ? s_doubles[random.Next(s_doubles.Length)] : bits,
            InputPattern.Halves => Pack(s_halves, size, random, edge),
            _ => Pack(s_bfloat16s, size, random, edge),
        };
    }

    /// <summary>Half of the random singles lie near one another, so that sums round in interesting places.</summary>
    private static ulong Single(ulong bits, Random random) => random.Next(2) == 0
        ? (uint)bits
        : ((uint)bits & 0x807F_FFFF) | ((uint)random.Next(112, 144) << 23);

    private static ulong Pack(ushort[] edges, int size, Random random, bool edge)
    {
        ulong result = 0;
        for (int i = 0; i < size / 2; i++)
        {
            result = (result << 16) | (edge ? edges[random.Next(edges.Length)] : (ushort)random.Next(1 << 16));
        }

        return result;
    }
}
