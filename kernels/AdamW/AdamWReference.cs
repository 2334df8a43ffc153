using System;
using System.Numerics;

namespace GptEngine.Kernels.AdamW;

/// <summary>AdamW (Loshchilov and Hutter 2019, algorithm 2), element by element.</summary>
public static class AdamWReference
{
    /// <summary>
    /// g = factor·gradient; m = β1·m + (1−β1)·g; v = β2·v + (1−β2)·g²; w −= lr·(m/(1−β1^t)/(√(v/(1−β2^t)) + ε) + λ·w).
    /// </summary>
    /// <param name="parameters">w, in place.</param>
    /// <param name="gradients">Raw gradients.</param>
    /// <param name="firstMoment">m, in place.</param>
    /// <param name="secondMoment">v, in place.</param>
    /// <param name="factor">Clipping and unscaling.</param>
    /// <param name="learningRate">lr.</param>
    /// <param name="beta1">β1.</param>
    /// <param name="beta2">β2.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="weightDecay">λ; 0 for elements that do not decay.</param>
    /// <param name="updates">t, from 1.</param>
    public static void Update<T>(
        Span<T> parameters, ReadOnlySpan<T> gradients, Span<T> firstMoment, Span<T> secondMoment,
        T factor, T learningRate, T beta1, T beta2, T epsilon, T weightDecay, uint updates)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T correction1 = T.One - T.Pow(beta1, T.CreateChecked(updates));
        T correction2 = T.One - T.Pow(beta2, T.CreateChecked(updates));
        for (int i = 0; i < parameters.Length; i++)
        {
            T g = factor * gradients[i];
            T m = (beta1 * firstMoment[i]) + ((T.One - beta1) * g);
            T v = (beta2 * secondMoment[i]) + ((T.One - beta2) * g * g);
            T update = m / correction1 / (T.Sqrt(v / correction2) + epsilon);
            parameters[i] -= learningRate * (update + (weightDecay * parameters[i]));
            firstMoment[i] = m;
            secondMoment[i] = v;
        }
    }
}
