using System;
using GptEngine.Kernels.Conformance;
using NUnit.Framework;

namespace GptEngine.Tests.Common;

/// <summary>Gradients by central differences in double.</summary>
internal static class FiniteDifferences
{
    private const double Epsilon = 1.0 / (1L << 52);

    /// <summary>
    /// With a step of ε^(1/3) the truncation and the rounding of a central difference are both some ε^(2/3) of the loss's scale; the bound
    /// is half the digits of a double, √ε.
    /// </summary>
    private static readonly double Step = Math.Cbrt(Epsilon);

    /// <summary>Holds a gradient against ∂loss/∂x, element by element.</summary>
    /// <param name="name">Of x.</param>
    /// <param name="loss">Computes the loss from the arrays it closes over, x among them.</param>
    /// <param name="x">Moved and put back.</param>
    /// <param name="gradient">What is claimed.</param>
    public static void AssertGradient(string name, Func<double> loss, double[] x, double[] gradient)
    {
        double[] expected = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double saved = x[i];
            x[i] = saved + Step;
            double above = loss();
            x[i] = saved - Step;
            double below = loss();
            x[i] = saved;
            expected[i] = (above - below) / (2 * Step);
        }

        Assert.That(Tolerance.RelativeNorm(expected, gradient), Is.LessThanOrEqualTo(Math.Sqrt(Epsilon)), name);
    }
}
