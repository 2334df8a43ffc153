using System;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Engine.Optimization;

/// <summary>What values the optimizer's settings may have.</summary>
public static class OptimizerLimits
{
    /// <summary>Throws unless every setting makes sense.</summary>
    /// <exception cref="UserErrorException">Usage; names the key, its value, and what it may be.</exception>
    public static void Check(OptimizerConfiguration optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        Require(optimizer.LearningRate >= 0 && float.IsFinite(optimizer.LearningRate), "learning_rate", optimizer.LearningRate, "a number from 0 up");
        Require(optimizer.Beta1 >= 0 && optimizer.Beta1 < 1, "beta1", optimizer.Beta1, "at least 0 and below 1");
        Require(optimizer.Beta2 >= 0 && optimizer.Beta2 < 1, "beta2", optimizer.Beta2, "at least 0 and below 1");
        Require(optimizer.Epsilon > 0 && float.IsFinite(optimizer.Epsilon), "epsilon", optimizer.Epsilon, "above 0");
        Require(optimizer.WeightDecay >= 0 && float.IsFinite(optimizer.WeightDecay), "weight_decay", optimizer.WeightDecay, "a number from 0 up");
        Require(optimizer.Clip >= 0 && float.IsFinite(optimizer.Clip), "clip", optimizer.Clip, "a number from 0 up; 0 turns clipping off");
        Require(optimizer.X0 >= 0 && double.IsFinite(optimizer.X0), "x0", optimizer.X0, "a number of tokens from 0 up");
        Require(optimizer.X1 >= optimizer.X0 && double.IsFinite(optimizer.X1), "x1", optimizer.X1, $"at least x0, which is {optimizer.X0}");
    }

    private static void Require(bool holds, string key, double value, string expected)
    {
        if (!holds)
        {
            throw new UserErrorException($"optimizer.{key} is {value}; it must be {expected}.", ExitCode.Usage);
        }
    }
}
