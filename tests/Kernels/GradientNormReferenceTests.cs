using System;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.GradientNorm;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class GradientNormReferenceTests
{
    private static readonly AdamWOptions Dynamic = new(0.9f, 0.95f, 1e-8f, 0.1f, Clip: 1, DynamicLossScale: true, LossScaleGrowthInterval: 3);

    [TestCase(4f, 1f, 2f, 0.125f, Description = "clipped and unscaled")]
    [TestCase(0.5f, 1f, 2f, 0.5f, Description = "below the clip")]
    [TestCase(4f, 0f, 2f, 0.5f, Description = "no clipping")]
    [TestCase(0f, 1f, 1f, 1f, Description = "no gradient at all")]
    public void Factor_NormAndClip_ScalesDownOnly(float norm, float clip, float lossScale, float expected) =>
        Assert.That(GradientNormReference.Factor(norm, clip, lossScale), Is.EqualTo(expected));

    [Test]
    public void Decide_GoodSteps_DoubleTheScaleAtTheInterval()
    {
        float[] scalars = State(lossScale: 1024);
        float[] scales = [.. Enumerable.Range(0, 7).Select(_ =>
        {
            GradientNormReference.Decide(scalars, 4, Dynamic);
            return scalars[(int)StepScalar.LossScale];
        })];
        Assert.That(scales, Is.EqualTo(new float[] { 1024, 1024, 2048, 2048, 2048, 4096, 4096 }));
        Assert.That(BitConverter.SingleToUInt32Bits(scalars[(int)StepScalar.AppliedUpdates]), Is.EqualTo(7));
        Assert.That(scalars[(int)StepScalar.GradientFactor], Is.EqualTo(0.25f / 4096));
    }

    [TestCase(float.NaN, 2f)]
    [TestCase(float.PositiveInfinity, 2f)]
    [TestCase(1f, float.NaN)]
    [TestCase(1f, float.NegativeInfinity)]
    public void Decide_BadStep_HalvesTheScaleAndAppliesNothing(float norm, float loss)
    {
        float[] scalars = State(lossScale: 1024);
        scalars[(int)StepScalar.GoodSteps] = 2;
        scalars[(int)StepScalar.Loss] = loss;
        GradientNormReference.Decide(scalars, norm, Dynamic);
        Assert.That(scalars[(int)StepScalar.IsFinite], Is.Zero);
        Assert.That(scalars[(int)StepScalar.GradientFactor], Is.Zero);
        Assert.That(scalars[(int)StepScalar.LossScale], Is.EqualTo(512));
        Assert.That(scalars[(int)StepScalar.GoodSteps], Is.Zero);
        Assert.That(scalars[(int)StepScalar.AppliedUpdates], Is.Zero);
    }

    [Test]
    public void Decide_AtTheLimits_StaysWithin()
    {
        float[] low = State(lossScale: 1);
        GradientNormReference.Decide(low, float.NaN, Dynamic);
        Assert.That(low[(int)StepScalar.LossScale], Is.EqualTo(1));
        float[] high = State(lossScale: 1 << 24);
        high[(int)StepScalar.GoodSteps] = 2;
        GradientNormReference.Decide(high, 1, Dynamic);
        Assert.That(high[(int)StepScalar.LossScale], Is.EqualTo(1 << 24));
        Assert.That(high[(int)StepScalar.GoodSteps], Is.Zero);
    }

    [Test]
    public void Decide_StaticScale_LeavesItAlone()
    {
        float[] scalars = State(lossScale: 8);
        GradientNormReference.Decide(scalars, float.NaN, Dynamic with { DynamicLossScale = false });
        GradientNormReference.Decide(scalars, 1, Dynamic with { DynamicLossScale = false, LossScaleGrowthInterval = 1 });
        Assert.That(scalars[(int)StepScalar.LossScale], Is.EqualTo(8));
        Assert.That(scalars[(int)StepScalar.GoodSteps], Is.Zero);
    }

    private static float[] State(float lossScale)
    {
        float[] scalars = new float[StepScalars.Count];
        scalars[(int)StepScalar.LossScale] = lossScale;
        scalars[(int)StepScalar.Loss] = 2;
        return scalars;
    }
}
