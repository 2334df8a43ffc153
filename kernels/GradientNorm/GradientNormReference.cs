using System;
using System.Numerics;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.GradientNorm;

/// <summary>The global gradient norm, and what follows from it for the step, in plain code.</summary>
public static class GradientNormReference
{
    /// <summary>The loss scale grows to at most this.</summary>
    public const float MaxLossScale = 1 << 24;

    /// <summary>The loss scale shrinks to at least this.</summary>
    public const float MinLossScale = 1;

    /// <summary>√Σ g².</summary>
    public static T Norm<T>(ReadOnlySpan<T> gradients)
        where T : unmanaged, IFloatingPointIeee754<T> => T.Sqrt(SumOfSquares(gradients));

    /// <summary>Σ g².</summary>
    public static T SumOfSquares<T>(ReadOnlySpan<T> gradients)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        foreach (T g in gradients)
        {
            sum += g * g;
        }

        return sum;
    }

    /// <summary>What AdamW multiplies gradients by: min(1, clip/norm)/lossScale; without clipping 1/lossScale.</summary>
    public static float Factor(float norm, float clip, float lossScale) => (clip > 0 && norm > clip ? clip / norm : 1) / lossScale;

    /// <summary>Writes the results of a step and advances its state, as <see cref="IOperations.GradientNorm"/> says.</summary>
    /// <param name="scalars">The step scalars; Loss is complete.</param>
    /// <param name="norm">The norm, loss scale divided out.</param>
    /// <param name="options">Clip and loss scaling.</param>
    public static void Decide(Span<float> scalars, float norm, in AdamWOptions options)
    {
        float lossScale = scalars[(int)StepScalar.LossScale];
        bool isFinite = float.IsFinite(norm) && float.IsFinite(scalars[(int)StepScalar.Loss]);
        scalars[(int)StepScalar.GradientNorm] = norm;
        scalars[(int)StepScalar.IsFinite] = isFinite ? 1 : 0;
        scalars[(int)StepScalar.GradientFactor] = isFinite ? Factor(norm, options.Clip, lossScale) : 0;
        if (isFinite)
        {
            ref float updates = ref scalars[(int)StepScalar.AppliedUpdates];
            updates = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(updates) + 1);
        }

        if (options.DynamicLossScale)
        {
            AdjustLossScale(ref scalars[(int)StepScalar.LossScale], ref scalars[(int)StepScalar.GoodSteps], isFinite, options.LossScaleGrowthInterval);
        }
    }

    private static void AdjustLossScale(ref float lossScale, ref float goodSteps, bool isFinite, int interval)
    {
        if (!isFinite)
        {
            lossScale = MathF.Max(MinLossScale, lossScale / 2);
            goodSteps = 0;
        }
        else if (goodSteps + 1 >= interval)
        {
            lossScale = MathF.Min(MaxLossScale, lossScale * 2);
            goodSteps = 0;
        }
        else
        {
            goodSteps++;
        }
    }
}
