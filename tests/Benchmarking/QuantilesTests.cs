using System;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using NUnit.Framework;

namespace GptEngine.Tests.Benchmarking;

public sealed class QuantilesTests
{
    [Test]
    public void Of_ElevenValues_IsTheValuesThemselves()
    {
        double[] values = [.. Enumerable.Range(0, 11).Select(i => (double)i).Reverse()];
        Assert.That(Quantiles.Of(values), Is.EqualTo(new Quantiles(5, 1, 9, 0, 10)));
        Assert.That(values[0], Is.EqualTo(10), "the caller's values stay in place");
    }

    [Test]
    public void Of_BetweenTwoValues_LiesOnTheLine()
    {
        Quantiles quantiles = Quantiles.Of([3, 1]);
        Assert.Multiple(() =>
        {
            Assert.That(quantiles.Median, Is.EqualTo(2));
            Assert.That(quantiles.P10, Is.EqualTo(1.2).Within(1e-12));
            Assert.That(quantiles.P90, Is.EqualTo(2.8).Within(1e-12));
        });
    }

    [Test]
    public void Of_OneValue_IsThatValue() => Assert.That(Quantiles.Of([4]), Is.EqualTo(new Quantiles(4, 4, 4, 4, 4)));

    [Test]
    public void Of_Nothing_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => Quantiles.Of([]));
}
