using System;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.AdamW;

/// <summary>What is the same for every element of one AdamW update.</summary>
internal readonly struct AdamWConstants
{
    /// <param name="options">The constants of the run.</param>
    /// <param name="learningRate">This step's.</param>
    /// <param name="gradientFactor">Clipping and unscaling.</param>
    /// <param name="updates">t: this update's number, from 1.</param>
    /// <param name="count">Elements in the arena.</param>
    public AdamWConstants(in AdamWOptions options, float learningRate, float gradientFactor, uint updates, long count)
    {
        Beta1 = options.Beta1;
        Beta2 = options.Beta2;
        Epsilon = options.Epsilon;
        GradientFactor = gradientFactor;
        Count = count;
        // In double: 1 − β2^t loses half of a float's digits in the first steps.
        Rate = (float)(learningRate / (1.0 - Math.Pow(options.Beta1, updates)));
        RootCorrection = (float)(1.0 / Math.Sqrt(1.0 - Math.Pow(options.Beta2, updates)));
        Keep = (float)(1.0 - ((double)learningRate * options.WeightDecay));
    }

    public float Beta1 { get; }

    public float Beta2 { get; }

    public float Epsilon { get; }

    public float GradientFactor { get; }

    public long Count { get; }

    /// <summary>lr/(1 − β1^t).</summary>
    public float Rate { get; }

    /// <summary>1/√(1 − β2^t), which turns √v into √v̂.</summary>
    public float RootCorrection { get; }

    /// <summary>1 − lr·λ: what weight decay leaves of a weight.</summary>
    public float Keep { get; }
}
