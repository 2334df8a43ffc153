using System;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Sampling;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class SamplingReferenceTests
{
    /// <summary>Probabilities 0.1, 0.4, 0.2 and 0.3.</summary>
    private static readonly double[] Logits = [Math.Log(0.1), Math.Log(0.4), Math.Log(0.2), Math.Log(0.3)];

    private static readonly SamplingOptions Plain = new(1, 0, 1, 9);

    [TestCase(0.05f, 0)]
    [TestCase(0.11f, 1)]
    [TestCase(0.49f, 1)]
    [TestCase(0.51f, 2)]
    [TestCase(0.71f, 3)]
    [TestCase(1f, 3)]
    public void Sample_ADraw_FallsIntoTheTokensShare(float draw, int expected) =>
        Assert.That(SamplingReference.Sample<double>(Logits, Plain, draw), Is.EqualTo(expected));

    [TestCase(1, new[] { 1 })]
    [TestCase(2, new[] { 1, 3 })]
    [TestCase(3, new[] { 1, 2, 3 })]
    [TestCase(9, new[] { 0, 1, 2, 3 })]
    public void Candidates_TopK_KeepsTheLargest(int topK, int[] expected) => Assert.That(Kept(Plain with { TopK = topK }), Is.EqualTo(expected));

    [TestCase(0.01f, new[] { 1 })]
    [TestCase(0.39f, new[] { 1 })]
    [TestCase(0.41f, new[] { 1, 3 })]
    [TestCase(0.75f, new[] { 1, 2, 3 })]
    [TestCase(0.95f, new[] { 0, 1, 2, 3 })]
    public void Candidates_TopP_KeepsTheFewestThatReachIt(float topP, int[] expected) =>
        Assert.That(Kept(Plain with { TopP = topP }), Is.EqualTo(expected));

    /// <summary>Of the two that top-k leaves the first has 4/7.</summary>
    [TestCase(0.57f, new[] { 1 })]
    [TestCase(0.58f, new[] { 1, 3 })]
    public void Candidates_TopKThenTopP_CountsWhatIsLeft(float topP, int[] expected) =>
        Assert.That(Kept(Plain with { TopK = 2, TopP = topP }), Is.EqualTo(expected));

    [Test]
    public void Candidates_Ties_PrefersTheLowerId()
    {
        SamplingOptions two = Plain with { TopK = 2 };
        Assert.That(SamplingReference.Candidates<double>([1, 2, 1, 2, 2], two).Select(c => c.Id), Is.EqualTo([1, 3]));
        Assert.That(SamplingReference.Sample<double>([1, 2, 1, 2, 2], two with { Temperature = 0 }, 0.5f), Is.EqualTo(1));
    }

    [Test]
    public void Sample_LowTemperature_ApproachesTheLargest() =>
        Assert.That(SamplingReference.Sample<double>(Logits, Plain with { Temperature = 0.01f }, 0.999f), Is.EqualTo(1));

    [Test]
    public void Sample_ImpossibleTokens_AreNeverDrawn()
    {
        double[] logits = [double.NegativeInfinity, 0, double.NegativeInfinity];
        Assert.That(new[] { 1e-9f, 0.5f, 1f }.Select(draw => SamplingReference.Sample<double>(logits, Plain, draw)), Is.All.EqualTo(1));
    }

    [Test]
    public void Draw_AnotherRowOrPosition_IsAnotherNumber()
    {
        float[] draws =
        [
            SamplingReference.Draw(9, 0, 0), SamplingReference.Draw(9, 1, 0), SamplingReference.Draw(9, 0, 1), SamplingReference.Draw(9, 0, 1L << 32),
            SamplingReference.Draw(8, 0, 0),
        ];
        Assert.That(draws, Is.Unique);
        Assert.That(draws, Is.All.GreaterThan(0).And.All.LessThanOrEqualTo(1));
    }

    private static int[] Kept(SamplingOptions options) => [.. SamplingReference.Candidates<double>(Logits, options).Select(c => c.Id)];
}
