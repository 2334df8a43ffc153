using System;
using GptEngine.Kernels.Activation;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class ErrorFunctionTests
{
    /// <summary>Abramowitz and Stegun, table 7.1, and further digits by its series.</summary>
    [TestCase(0, 0)]
    [TestCase(1e-10, 1.1283791670955126e-10)]
    [TestCase(0.1, 0.1124629160182848922)]
    [TestCase(0.5, 0.5204998778130465377)]
    [TestCase(1, 0.8427007929497148693)]
    [TestCase(2, 0.9953222650189527342)]
    [TestCase(3, 0.9999779095030014146)]
    [TestCase(4, 0.9999999845827420998)]
    [TestCase(7, 1)]
    [TestCase(double.PositiveInfinity, 1)]
    public void Erf_KnownValues_ToTheLastDigits(double x, double expected)
    {
        Assert.That(ErrorFunction.Erf(x), Is.EqualTo(expected).Within(1e-15 * expected));
        Assert.That(ErrorFunction.Erf(-x), Is.EqualTo(-expected).Within(1e-15 * expected));
        Assert.That(ErrorFunction.Erf((float)x), Is.EqualTo((float)expected).Within(4e-7f * (float)expected));
        Assert.That((double)ErrorFunction.Erf((Half)x), Is.EqualTo(expected).Within(4e-3));
    }

    [Test]
    public void Erf_NotANumber_IsNotANumber() => Assert.That(ErrorFunction.Erf(double.NaN), Is.NaN);
}
