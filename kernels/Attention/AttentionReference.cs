using System;
using System.Numerics;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Attention;

/// <summary>Causal attention within documents (Vaswani et al. 2017, eq. 1), in plain loops over each query's keys.</summary>
public static class AttentionReference
{
    /// <summary>output = softmax(Q·Kᵀ/√D)·V over keys documentStart[t] ≤ j ≤ t; logSumExp = log Σ exp(q·k/√D).</summary>
    /// <param name="qkv">(N, 3C): a row is all of Q, then K, then V, each by head.</param>
    /// <param name="documentStart">(B, T).</param>
    /// <param name="output">(N, C).</param>
    /// <param name="logSumExp">(B, H, T).</param>
    /// <param name="shape">B, T, H, D.</param>
    public static void Forward<T>(
        ReadOnlySpan<T> qkv, ReadOnlySpan<int> documentStart, Span<T> output, Span<T> logSumExp, in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T scale = Scale<T>(shape);
        T[] scores = new T[shape.Time];
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                for (int t = 0; t < shape.Time; t++)
                {
                    int first = documentStart[(b * shape.Time) + t];
                    ReadOnlySpan<T> q = Vector(qkv, 0, b, h, t, shape);
                    for (int j = first; j <= t; j++)
                    {
                        scores[j] = scale * Dot(q, Vector(qkv, 1, b, h, j, shape));
                    }

                    Span<T> row = output.Slice((((b * shape.Time) + t) * shape.Channels) + (h * shape.HeadSize), shape.HeadSize);
                    T logSum = SoftMax(scores.AsSpan(first, t + 1 - first));
                    row.Clear();
                    for (int j = first; j <= t; j++)
                    {
                        AddScaled(row, scores[j], Vector(qkv, 2, b, h, j, shape));
                    }

                    logSumExp[(((b * shape.Heads) + h) * shape.Time) + t] = logSum;
                }
            }
        }
    }

    /// <summary>
    /// With P = exp(q·k/√D − logSumExp): gradV = Pᵀ·gradO; dS = P ⊙ (gradO·Vᵀ − Σ gradO ⊙ O); gradQ = dS·K/√D; gradK = dSᵀ·Q/√D.
    /// </summary>
    /// <param name="qkv">(N, 3C).</param>
    /// <param name="documentStart">(B, T).</param>
    /// <param name="output">(N, C): of the forward pass.</param>
    /// <param name="logSumExp">(B, H, T): of the forward pass.</param>
    /// <param name="gradOutput">(N, C).</param>
    /// <param name="gradQkv">(N, 3C).</param>
    /// <param name="shape">B, T, H, D.</param>
    public static void Backward<T>(
        ReadOnlySpan<T> qkv, ReadOnlySpan<int> documentStart, ReadOnlySpan<T> output, ReadOnlySpan<T> logSumExp, ReadOnlySpan<T> gradOutput,
        Span<T> gradQkv, in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T scale = Scale<T>(shape);
        gradQkv.Clear();
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                for (int t = 0; t < shape.Time; t++)
                {
                    int offset = (((b * shape.Time) + t) * shape.Channels) + (h * shape.HeadSize);
                    ReadOnlySpan<T> q = Vector(qkv, 0, b, h, t, shape);
                    ReadOnlySpan<T> gradO = gradOutput.Slice(offset, shape.HeadSize);
                    Span<T> gradQ = Vector(gradQkv, 0, b, h, t, shape);
                    T logSum = logSumExp[(((b * shape.Heads) + h) * shape.Time) + t];
                    T delta = Dot(gradO, output.Slice(offset, shape.HeadSize));
                    for (int j = documentStart[(b * shape.Time) + t]; j <= t; j++)
                    {
                        ReadOnlySpan<T> k = Vector(qkv, 1, b, h, j, shape);
                        T probability = T.Exp((scale * Dot(q, k)) - logSum);
                        T gradScore = probability * (Dot(gradO, Vector(qkv, 2, b, h, j, shape)) - delta);
                        AddScaled(gradQ, scale * gradScore, k);
                        AddScaled(Vector(gradQkv, 1, b, h, j, shape), scale * gradScore, q);
                        AddScaled(Vector(gradQkv, 2, b, h, j, shape), probability, gradO);
                    }
                }
            }
        }
    }

    /// <summary>Copies K and V of each row (b, t) to the caches' position firstPosition + t.</summary>
    /// <param name="qkv">(N, 3C).</param>
    /// <param name="keyCache">(B, H, Tmax, D).</param>
    /// <param name="valueCache">(B, H, Tmax, D).</param>
    /// <param name="capacity">Tmax.</param>
    /// <param name="firstPosition">Where the first row of each sequence goes.</param>
    /// <param name="shape">B, T, H, D.</param>
    public static void Cache<T>(
        ReadOnlySpan<T> qkv, Span<T> keyCache, Span<T> valueCache, int capacity, int firstPosition, in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                for (int t = 0; t < shape.Time; t++)
                {
                    int offset = ((((b * shape.Heads) + h) * capacity) + firstPosition + t) * shape.HeadSize;
                    Vector(qkv, 1, b, h, t, shape).CopyTo(keyCache[offset..]);
                    Vector(qkv, 2, b, h, t, shape).CopyTo(valueCache[offset..]);
                }
            }
        }
    }

    /// <summary>output = softmax(q·Kᵀ/√D)·V of one query a sequence over the cached positions [documentStart[b], position].</summary>
    /// <param name="qkv">(B, 3C); only Q is read.</param>
    /// <param name="keyCache">(B, H, Tmax, D).</param>
    /// <param name="valueCache">(B, H, Tmax, D).</param>
    /// <param name="documentStart">(B).</param>
    /// <param name="output">(B, C).</param>
    /// <param name="capacity">Tmax.</param>
    /// <param name="position">The last position seen.</param>
    /// <param name="shape">B, 1, H, D.</param>
    public static void Decode<T>(
        ReadOnlySpan<T> qkv, ReadOnlySpan<T> keyCache, ReadOnlySpan<T> valueCache, ReadOnlySpan<int> documentStart, Span<T> output,
        int capacity, int position, in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T scale = Scale<T>(shape);
        T[] scores = new T[position + 1];
        for (int b = 0; b < shape.Batch; b++)
        {
            for (int h = 0; h < shape.Heads; h++)
            {
                int cache = ((b * shape.Heads) + h) * capacity;
                int first = documentStart[b];
                ReadOnlySpan<T> q = Vector(qkv, 0, b, h, 0, shape);
                for (int j = first; j <= position; j++)
                {
                    scores[j] = scale * Dot(q, keyCache.Slice((cache + j) * shape.HeadSize, shape.HeadSize));
                }

                Span<T> row = output.Slice((b * shape.Channels) + (h * shape.HeadSize), shape.HeadSize);
                SoftMax(scores.AsSpan(first));
                row.Clear();
                for (int j = first; j <= position; j++)
                {
                    AddScaled(row, scores[j], valueCache.Slice((cache + j) * shape.HeadSize, shape.HeadSize));
                }
            }
        }
    }

    private static T Scale<T>(in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T> => T.One / T.Sqrt(T.CreateChecked(shape.HeadSize));

    /// <summary>Turns scores into probabilities and returns the logarithm of their denominator.</summary>
    private static T SoftMax<T>(Span<T> scores)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T max = T.NegativeInfinity;
        foreach (T score in scores)
        {
            max = T.Max(max, score);
        }

        T sum = T.Zero;
        foreach (ref T score in scores)
        {
            score = T.Exp(score - max);
            sum += score;
        }

        foreach (ref T score in scores)
        {
            score /= sum;
        }

        return max + T.Log(sum);
    }

    /// <summary>The head's Q (part 0), K (1) or V (2) of row (b, t).</summary>
    private static ReadOnlySpan<T> Vector<T>(ReadOnlySpan<T> qkv, int part, int b, int h, int t, in AttentionShape shape) =>
        qkv.Slice(Offset(part, b, h, t, shape), shape.HeadSize);

    private static Span<T> Vector<T>(Span<T> qkv, int part, int b, int h, int t, in AttentionShape shape) =>
        qkv.Slice(Offset(part, b, h, t, shape), shape.HeadSize);

    private static int Offset(int part, int b, int h, int t, in AttentionShape shape) =>
        (((((b * shape.Time) + t) * 3) + part) * shape.Channels) + (h * shape.HeadSize);

    private static T Dot<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled<T>(Span<T> sum, T factor, ReadOnlySpan<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += factor * values[i];
        }
    }
}
