namespace GptEngine.Engine.Configuration;

/// <summary>AdamW and its learning rate: the <c>optimizer</c> section. Defaults are GPT-3's.</summary>
public sealed record OptimizerConfiguration
{
    /// <summary>The largest learning rate, reached at <see cref="X0"/> tokens.</summary>
    public float LearningRate { get; init; } = 6e-4f;

    public float Beta1 { get; init; } = 0.9f;

    public float Beta2 { get; init; } = 0.95f;

    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>Decoupled weight decay on matrices, embeddings and head included.</summary>
    public float WeightDecay { get; init; } = 0.1f;

    /// <summary>Largest global gradient norm; 0 turns clipping off.</summary>
    public float Clip { get; init; } = 1.0f;

    /// <summary>Tokens of warm-up.</summary>
    public double X0 { get; init; } = 1.125e9;

    /// <summary>Tokens at which the cosine ends.</summary>
    public double X1 { get; init; } = 30e9;
}
