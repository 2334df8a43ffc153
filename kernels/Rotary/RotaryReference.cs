using System;
using System.Numerics;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Rotary;

/// <summary>Rotary positions (Su et al. 2021, in the half-split form), in plain loops.</summary>
public static class RotaryReference
{
    /// <summary>
    /// With D' = D/2, (a, b) = (q[i], q[i + D']) becomes (a·cos − b·sin, a·sin + b·cos), for Q and for K; the inverse has −sin.
    /// </summary>
    /// <param name="qkv">(N, 3C), in place.</param>
    /// <param name="cosine">(≥ firstPosition + T, D/2).</param>
    /// <param name="sine">(≥ firstPosition + T, D/2).</param>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="firstPosition">Position of each sequence's first row.</param>
    /// <param name="inverse">Whether to rotate back.</param>
    public static void Apply<T>(
        Span<T> qkv, ReadOnlySpan<T> cosine, ReadOnlySpan<T> sine, in AttentionShape shape, int firstPosition, bool inverse)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int half = shape.HeadSize / 2;
        for (int n = 0; n < shape.Rows; n++)
        {
            int position = firstPosition + (n % shape.Time);

            // Q's heads and then K's are neighbours in a row.
            for (int head = 0; head < 2 * shape.Heads; head++)
            {
                Span<T> values = qkv.Slice((n * 3 * shape.Channels) + (head * shape.HeadSize), shape.HeadSize);
                for (int i = 0; i < half; i++)
                {
                    T cos = cosine[(position * half) + i];
                    T sin = inverse ? -sine[(position * half) + i] : sine[(position * half) + i];
                    T a = values[i];
                    T b = values[i + half];
                    values[i] = (a * cos) - (b * sin);
                    values[i + half] = (a * sin) + (b * cos);
                }
            }
        }
    }
}
