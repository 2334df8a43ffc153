using System;

namespace GptEngine.Engine.Evaluation;

/// <summary>How well a model predicts a stream.</summary>
/// <param name="Loss">Mean cross-entropy over all target tokens, in nats.</param>
/// <param name="Tokens">Target tokens.</param>
public readonly record struct EvaluationResult(double Loss, long Tokens)
{
    /// <summary>e to the loss.</summary>
    public double Perplexity => Math.Exp(Loss);
}
