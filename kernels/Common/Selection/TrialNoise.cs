using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>
/// Inputs for kernels under trial: nearly normal numbers in a 16-bit type, and the same with each moved by up to one unit in the last place. Their
/// count is a prime, so that where they repeat in a tensor no row or head is like another.
/// </summary>
internal sealed class TrialNoise
{
    /// <summary>A prime: numbers until they repeat.</summary>
    internal const int Period = 1_000_003;

    // Sums of four uniform numbers of 16 bits have this deviation.
    private const double Deviation = ushort.MaxValue / 1.7320508075688772;
    private const int Magnitude = 0x7FFF;

    private readonly ushort[] _numbers = new ushort[Period];
    private readonly ushort[] _moved = new ushort[Period];

    /// <param name="type">fp16 or bf16.</param>
    internal TrialNoise(DataType type)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(type.SizeInBytes(), sizeof(ushort), nameof(type));
        for (int i = 0; i < Period; i++)
        {
            ulong bits = Bits((ulong)i);
            double sum = (ushort)bits + (ushort)(bits >> 16) + (ushort)(bits >> 32) + (double)(bits >> 48);
            type.WriteElement(MemoryMarshal.AsBytes(_numbers.AsSpan(i, 1)), (float)((sum - (2.0 * ushort.MaxValue)) / Deviation));

            // Neighbours in magnitude are neighbours as integers.
            int magnitude = _numbers[i] & Magnitude;
            int step = (int)(Bits((ulong)(i + Period)) % 3) - 1;
            _moved[i] = (ushort)((_numbers[i] & ~Magnitude) | (magnitude == 0 ? 0 : magnitude + step));
        }
    }

    /// <summary>One period from a place on.</summary>
    /// <param name="first">Where to begin: tensors that begin elsewhere differ.</param>
    /// <param name="isMoved">Whether the numbers are the moved ones.</param>
    /// <param name="destination">As many bytes as a period has.</param>
    internal void CopyTo(int first, bool isMoved, Span<ushort> destination)
    {
        ReadOnlySpan<ushort> source = isMoved ? _moved : _numbers;
        source[first..].CopyTo(destination);
        source[..first].CopyTo(destination[(Period - first)..]);
    }

    /// <summary>SplitMix64 (Steele et al. 2014).</summary>
    private static ulong Bits(ulong counter)
    {
        ulong bits = (counter + 1) * 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
