using System;
using System.Numerics;

namespace GptEngine.Kernels.Linear;

/// <summary>A linear layer from its definition, in plain loops. The weight is (out, in).</summary>
public static class LinearReference
{
    /// <summary>y[n, o] = Σ_i x[n, i]·weight[o, i] + bias[o].</summary>
    /// <param name="x">(N, in).</param>
    /// <param name="weight">(out, in).</param>
    /// <param name="bias">(out); empty for none.</param>
    /// <param name="y">(N, out).</param>
    /// <param name="inputs">in.</param>
    /// <param name="outputs">out.</param>
    public static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> y, int inputs, int outputs)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int n = 0; n < y.Length / outputs; n++)
        {
            ReadOnlySpan<T> row = x.Slice(n * inputs, inputs);
            for (int o = 0; o < outputs; o++)
            {
                ReadOnlySpan<T> weights = weight.Slice(o * inputs, inputs);
                T sum = T.Zero;
                for (int i = 0; i < inputs; i++)
                {
                    sum += row[i] * weights[i];
                }

                y[(n * outputs) + o] = bias.IsEmpty ? sum : sum + bias[o];
            }
        }
    }

    /// <summary>gradX[n, i] = Σ_o gradY[n, o]·weight[o, i].</summary>
    public static void BackwardInput<T>(ReadOnlySpan<T> gradY, ReadOnlySpan<T> weight, Span<T> gradX, int inputs, int outputs)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        gradX.Clear();
        for (int n = 0; n < gradY.Length / outputs; n++)
        {
            Span<T> row = gradX.Slice(n * inputs, inputs);
            for (int o = 0; o < outputs; o++)
            {
                T g = gradY[(n * outputs) + o];
                ReadOnlySpan<T> weights = weight.Slice(o * inputs, inputs);
                for (int i = 0; i < inputs; i++)
                {
                    row[i] += g * weights[i];
                }
            }
        }
    }

    /// <summary>gradWeight[o, i] += Σ_n gradY[n, o]·x[n, i]; gradBias[o] += Σ_n gradY[n, o].</summary>
    /// <param name="gradY">(N, out).</param>
    /// <param name="x">(N, in).</param>
    /// <param name="gradWeight">(out, in), accumulated.</param>
    /// <param name="gradBias">(out), accumulated; empty for none.</param>
    /// <param name="inputs">in.</param>
    /// <param name="outputs">out.</param>
    public static void BackwardWeight<T>(
        ReadOnlySpan<T> gradY, ReadOnlySpan<T> x, Span<T> gradWeight, Span<T> gradBias, int inputs, int outputs)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int n = 0; n < gradY.Length / outputs; n++)
        {
            ReadOnlySpan<T> row = x.Slice(n * inputs, inputs);
            for (int o = 0; o < outputs; o++)
            {
                T g = gradY[(n * outputs) + o];
                Span<T> gradients = gradWeight.Slice(o * inputs, inputs);
                for (int i = 0; i < inputs; i++)
                {
                    gradients[i] += g * row[i];
                }

                if (!gradBias.IsEmpty)
                {
                    gradBias[o] += g;
                }
            }
        }
    }
}
