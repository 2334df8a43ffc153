using System;
using System.Numerics;

namespace GptEngine.Kernels.Embedding;

/// <summary>Embedding from its definition, in plain loops. Dropout on the sum is the caller's.</summary>
public static class EmbeddingReference
{
    /// <summary>output[n, c] = tokenEmbedding[tokens[n], c] + positionEmbedding[firstPosition + t, c].</summary>
    /// <param name="tokens">(B, T).</param>
    /// <param name="tokenEmbedding">(P, C).</param>
    /// <param name="positionEmbedding">(≥ firstPosition + T, C); empty for none.</param>
    /// <param name="output">(N, C).</param>
    /// <param name="time">T.</param>
    /// <param name="channels">C.</param>
    /// <param name="firstPosition">Position of each sequence's first token.</param>
    public static void Forward<T>(
        ReadOnlySpan<int> tokens, ReadOnlySpan<T> tokenEmbedding, ReadOnlySpan<T> positionEmbedding, Span<T> output,
        int time, int channels, int firstPosition)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int n = 0; n < tokens.Length; n++)
        {
            int position = firstPosition + (n % time);
            for (int c = 0; c < channels; c++)
            {
                T value = tokenEmbedding[(tokens[n] * channels) + c];
                output[(n * channels) + c] = positionEmbedding.IsEmpty ? value : value + positionEmbedding[(position * channels) + c];
            }
        }
    }

    /// <summary>gradTokenEmbedding[tokens[n], c] += gradOutput[n, c].</summary>
    public static void BackwardTokens<T>(ReadOnlySpan<int> tokens, ReadOnlySpan<T> gradOutput, Span<T> gradTokenEmbedding, int channels)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int n = 0; n < tokens.Length; n++)
        {
            for (int c = 0; c < channels; c++)
            {
                gradTokenEmbedding[(tokens[n] * channels) + c] += gradOutput[(n * channels) + c];
            }
        }
    }

    /// <summary>gradPositionEmbedding[t, c] (+)= Σ_b gradOutput[(b, t), c]; not accumulating, rows beyond T become zero.</summary>
    public static void BackwardPositions<T>(ReadOnlySpan<T> gradOutput, Span<T> gradPositionEmbedding, int time, int channels, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!accumulate)
        {
            gradPositionEmbedding.Clear();
        }

        for (int i = 0; i < gradOutput.Length; i++)
        {
            gradPositionEmbedding[i % (time * channels)] += gradOutput[i];
        }
    }
}
