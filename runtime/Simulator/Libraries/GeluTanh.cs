using System;

namespace GptEngine.Runtime.Simulator.Libraries;

/// <summary>GELU by its tanh form, as the library's epilogues have it: ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).</summary>
internal static class GeluTanh
{
    private const double Cubic = 0.044715;
    private static readonly double RootTwoOverPi = Math.Sqrt(2 / Math.PI);

    internal static void Apply(Span<float> values)
    {
        foreach (ref float value in values)
        {
            double x = value;
            value = (float)(0.5 * x * (1 + Math.Tanh(RootTwoOverPi * (x + (Cubic * x * x * x)))));
        }
    }

    /// <summary>values ⊙ GELU'(arguments).</summary>
    internal static void MultiplyByDerivative(Span<float> values, ReadOnlySpan<float> arguments)
    {
        for (int i = 0; i < values.Length; i++)
        {
            double x = arguments[i];
            double tanh = Math.Tanh(RootTwoOverPi * (x + (Cubic * x * x * x)));
            double slope = RootTwoOverPi * (1 + (3 * Cubic * x * x));
            values[i] = (float)(values[i] * ((0.5 * (1 + tanh)) + (0.5 * x * (1 - (tanh * tanh)) * slope)));
        }
    }
}
