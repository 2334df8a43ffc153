using System;
using System.Numerics;

namespace GptEngine.Kernels.LayerNorm;

/// <summary>Layer normalisation over the last axis (Ba et al. 2016, eq. 3 and 4), in plain loops.</summary>
public static class LayerNormReference
{
    /// <summary>mean = (1/C) Σ x; rstd = 1/√((1/C) Σ (x − mean)² + ε); y = (x − mean)·rstd·w + b.</summary>
    /// <param name="x">(N, C).</param>
    /// <param name="weight">(C).</param>
    /// <param name="bias">(C).</param>
    /// <param name="y">(N, C).</param>
    /// <param name="mean">(N).</param>
    /// <param name="rstd">(N).</param>
    /// <param name="epsilon">ε.</param>
    public static void Forward<T>(
        ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> y, Span<T> mean, Span<T> rstd, T epsilon)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = weight.Length;
        T count = T.CreateChecked(channels);
        for (int n = 0; n < mean.Length; n++)
        {
            ReadOnlySpan<T> row = x.Slice(n * channels, channels);
            T sum = T.Zero;
            foreach (T value in row)
            {
                sum += value;
            }

            T m = sum / count;
            T squares = T.Zero;
            foreach (T value in row)
            {
                squares += (value - m) * (value - m);
            }

            T r = T.One / T.Sqrt((squares / count) + epsilon);
            for (int c = 0; c < channels; c++)
            {
                y[(n * channels) + c] = ((row[c] - m) * r * weight[c]) + bias[c];
            }

            mean[n] = m;
            rstd[n] = r;
        }
    }

    /// <summary>
    /// With x̂ = (x − mean)·rstd and g = gradY·w: gradX += rstd·(g − (1/C) Σ g − x̂·(1/C) Σ g·x̂); gradW += Σ_n gradY·x̂; gradB += Σ_n gradY.
    /// </summary>
    /// <param name="gradY">(N, C).</param>
    /// <param name="x">(N, C).</param>
    /// <param name="weight">(C).</param>
    /// <param name="mean">(N).</param>
    /// <param name="rstd">(N).</param>
    /// <param name="gradX">(N, C), accumulated.</param>
    /// <param name="gradWeight">(C), accumulated.</param>
    /// <param name="gradBias">(C), accumulated.</param>
    public static void Backward<T>(
        ReadOnlySpan<T> gradY, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> mean, ReadOnlySpan<T> rstd,
        Span<T> gradX, Span<T> gradWeight, Span<T> gradBias)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = weight.Length;
        T count = T.CreateChecked(channels);
        for (int n = 0; n < mean.Length; n++)
        {
            T sum = T.Zero;
            T sumNormalised = T.Zero;
            for (int c = 0; c < channels; c++)
            {
                int i = (n * channels) + c;
                T normalised = (x[i] - mean[n]) * rstd[n];
                sum += gradY[i] * weight[c];
                sumNormalised += gradY[i] * weight[c] * normalised;
                gradWeight[c] += gradY[i] * normalised;
                gradBias[c] += gradY[i];
            }

            for (int c = 0; c < channels; c++)
            {
                int i = (n * channels) + c;
                T normalised = (x[i] - mean[n]) * rstd[n];
                gradX[i] += rstd[n] * ((gradY[i] * weight[c]) - (sum / count) - (normalised * (sumNormalised / count)));
            }
        }
    }
}
