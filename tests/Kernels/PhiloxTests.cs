using System.Linq;
using GptEngine.Kernels.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class PhiloxTests
{
    /// <summary>The known answers that the authors publish with their generator (Random123's kat_vectors, philox4x32 of 10 rounds).</summary>
    [Test]
    public void Draw_KnownCounters_GivesThePublishedWords()
    {
        Assert.That(Philox.Draw(0, 0, 0, 0, 0), Is.EqualTo((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)));
        Assert.That(
            Philox.Draw(ulong.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue),
            Is.EqualTo((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)));
        Assert.That(
            Philox.Draw(0x299f31d0a4093822, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344),
            Is.EqualTo((0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)));
    }

    [Test]
    public void ToUnit_Extremes_StaysAboveZeroAndAtMostOne()
    {
        Assert.That(Philox.ToUnit(0), Is.GreaterThan(0));
        Assert.That(Philox.ToUnit(uint.MaxValue), Is.EqualTo(1));
    }

    [Test]
    public void ToNormal_ManyDraws_HaveMeanZeroAndVarianceOne()
    {
        const int Count = 100_000;
        float[] values = [.. Enumerable.Range(0, Count).Select(i =>
        {
            (uint x, uint y, _, _) = Philox.Draw(7, (uint)i, 0, 0, 0);
            return Philox.ToNormal(x, y).First;
        })];

        // Six standard errors; the seed is fixed, so it holds or it does not.
        Assert.That(values.Average(), Is.EqualTo(0).Within(6 / 316.0));
        Assert.That(values.Average(v => v * v), Is.EqualTo(1).Within(6 * 1.42 / 316.0));
    }
}
