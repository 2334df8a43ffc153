using System;
using System.Numerics;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>Softmax cross-entropy of one row of logits, in plain loops.</summary>
public static class CrossEntropyReference
{
    /// <summary>−log softmax(logits)[target] = log Σ exp(logits − max) + max − logits[target].</summary>
    public static T Loss<T>(ReadOnlySpan<T> logits, int target)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (T max, T sum) = Normaliser(logits);
        return T.Log(sum) + (max - logits[target]);
    }

    /// <summary>gradLogits = scale·(softmax(logits) − onehot(target)); may be the logits themselves.</summary>
    public static void Backward<T>(ReadOnlySpan<T> logits, int target, T scale, Span<T> gradLogits)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (T max, T sum) = Normaliser(logits);
        for (int v = 0; v < logits.Length; v++)
        {
            T probability = T.Exp(logits[v] - max) / sum;
            gradLogits[v] = scale * (v == target ? probability - T.One : probability);
        }
    }

    /// <summary>max and Σ exp(logits − max).</summary>
    private static (T Max, T Sum) Normaliser<T>(ReadOnlySpan<T> logits)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T max = T.NegativeInfinity;
        foreach (T logit in logits)
        {
            max = T.Max(max, logit);
        }

        T sum = T.Zero;
        foreach (T logit in logits)
        {
            sum += T.Exp(logit - max);
        }

        return (max, sum);
    }
}
