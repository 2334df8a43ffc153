using System;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Dropout;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class DropoutReferenceTests
{
    private const int Channels = 64;
    private const int Time = 16;

    [Test]
    public void Apply_ManyElements_KeepsTheShareAndTheMean([Values(0.1f, 0.5f, 0.9f)] float probability)
    {
        double[] ones = [.. Enumerable.Repeat(1.0, 32 * Time * Channels)];
        double[] kept = Apply(ones, [.. Enumerable.Range(0, 32)], step: 3, probability);

        // Six standard errors of a share of 32,768 elements; the seed is fixed.
        double error = 6 * Math.Sqrt(probability * (1 - probability) / ones.Length);
        Assert.That(kept.Count(v => v == 0) / (double)ones.Length, Is.EqualTo(probability).Within(error));
        Assert.That(kept.Where(v => v != 0), Is.All.EqualTo((double)(1.0f / (1.0f - probability))));
    }

    /// <summary>Which sequences share a micro-batch, and in which order, changes no draw.</summary>
    [Test]
    public void Apply_OtherMicroBatches_DrawsTheSame()
    {
        double[] ones = [.. Enumerable.Repeat(1.0, 4 * Time * Channels)];
        double[] together = Apply(ones, [0, 1, 2, 3], step: 5, 0.5f);
        const int Sequence = Time * Channels;
        foreach (int sequence in new[] { 2, 0, 3, 1 })
        {
            double[] alone = Apply(ones[..Sequence], [sequence], step: 5, 0.5f);
            Assert.That(alone, Is.EqualTo(together.AsSpan(sequence * Sequence, Sequence).ToArray()));
        }
    }

    [Test]
    public void IsKept_AnotherStepSiteSeedOrPlace_DrawsAnew()
    {
        bool[] Mask(ulong seed, uint step, int site, int sequence, int time) =>
            [.. Enumerable.Range(0, 256).Select(c => DropoutReference.IsKept(seed, step, new Dropout(0.5f, site, null, null), sequence, time, c))];
        bool[] mask = Mask(1, 2, 3, 4, 5);
        Assert.That(Mask(1, 2, 3, 4, 5), Is.EqualTo(mask));
        Assert.That(Mask(1UL << 32, 2, 3, 4, 5), Is.Not.EqualTo(mask));
        Assert.That(Mask(1, 3, 3, 4, 5), Is.Not.EqualTo(mask));
        Assert.That(Mask(1, 2, 4, 4, 5), Is.Not.EqualTo(mask));
        Assert.That(Mask(1, 2, 3, 5, 5), Is.Not.EqualTo(mask));
        Assert.That(Mask(1, 2, 3, 4, 6), Is.Not.EqualTo(mask));
    }

    private static double[] Apply(double[] input, int[] sequences, uint step, float probability)
    {
        double[] output = new double[input.Length];
        DropoutReference.Apply(input, output, sequences, Channels, 42, step, new Dropout(probability, 1, null, null));
        return output;
    }
}
