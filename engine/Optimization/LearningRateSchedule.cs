using System;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Optimization;

/// <summary>
/// The learning rate by tokens seen: from a tenth of the largest rate up in a straight line until x0, down half a cosine to a tenth at
/// x1, a tenth from there on.
/// </summary>
/// <param name="Largest">The rate at x0.</param>
/// <param name="X0">Tokens of warm-up.</param>
/// <param name="X1">Tokens at which the cosine ends.</param>
public readonly record struct LearningRateSchedule(double Largest, double X0, double X1)
{
    public static LearningRateSchedule From(OptimizerConfiguration optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        return new LearningRateSchedule(optimizer.LearningRate, optimizer.X0, optimizer.X1);
    }

    /// <summary>The rate of the step that starts after <paramref name="tokens"/> tokens.</summary>
    public double At(double tokens)
    {
        if (tokens < X0)
        {
            return Largest * (0.1 + (0.9 * tokens / X0));
        }

        return tokens < X1
            ? Largest * (0.55 + (0.45 * Math.Cos(Math.PI * (tokens - X0) / (X1 - X0))))
            : 0.1 * Largest;
    }
}
