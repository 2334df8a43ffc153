using System;
using System.Numerics;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Dropout;

/// <summary>Dropout from its definition (<see cref="Common.Dropout"/>), element by element. Its backward pass is itself.</summary>
public static class DropoutReference
{
    /// <summary>Whether element (row (b, t), c) is kept.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="step">The optimizer step.</param>
    /// <param name="dropout">Probability and site.</param>
    /// <param name="sequence">The global sequence of b.</param>
    /// <param name="time">t.</param>
    /// <param name="channel">c.</param>
    public static bool IsKept(ulong seed, uint step, in Common.Dropout dropout, int sequence, int time, int channel)
    {
        uint stepAndSite = unchecked((step << Common.Dropout.SiteBits) + (uint)dropout.Site);
        (uint x, uint y, uint z, uint w) = Philox.Draw(seed, (uint)channel / 4, (uint)time, (uint)sequence, stepAndSite);
        uint word = (channel % 4) switch
        {
            0 => x,
            1 => y,
            2 => z,
            _ => w,
        };
        return word >= dropout.Threshold;
    }

    /// <summary>output[n, c] = kept ? input[n, c]·scale : 0.</summary>
    /// <param name="input">(N, C).</param>
    /// <param name="output">(N, C); may be the input.</param>
    /// <param name="sequences">(B): the global sequence of each.</param>
    /// <param name="channels">C.</param>
    /// <param name="seed">The key.</param>
    /// <param name="step">The optimizer step.</param>
    /// <param name="dropout">Probability and site.</param>
    public static void Apply<T>(
        ReadOnlySpan<T> input, Span<T> output, ReadOnlySpan<int> sequences, int channels, ulong seed, uint step, in Common.Dropout dropout)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T scale = T.CreateChecked(dropout.Scale);
        int rows = input.Length / channels;
        int time = rows / sequences.Length;
        for (int n = 0; n < rows; n++)
        {
            for (int c = 0; c < channels; c++)
            {
                int i = (n * channels) + c;
                output[i] = IsKept(seed, step, dropout, sequences[n / time], n % time, c) ? input[i] * scale : T.Zero;
            }
        }
    }
}
