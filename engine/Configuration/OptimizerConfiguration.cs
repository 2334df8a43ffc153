namespace GptEngine.Engine.Configuration;

/// <summary>AdamW and its learning rate: the <c>optimizer</c> section. Defaults are GPT-3's.</summary>
public sealed record OptimizerConfiguration
{
    /// <summary>The largest learning rate, reached at <see cref="X0"/> tokens.</summary>
    public float LearningRate { get; set; } = 6e-4f;

    public float Beta1 { get; set; } = 0.9f;

    public float Beta2 { get; set; } = 0.95f;

    public float Epsilon { get; set; } = 1e-8f;

    /// <summary>Decoupled weight decay on matrices, embeddings and head included.</summary>
    public float WeightDecay { get; set; } = 0.1f;

    /// <summary>Largest global gradient norm; 0 turns clipping off.</summary>
    public float Clip { get; set; } = 1.0f;

    /// <summary>Tokens of warm-up.</summary>
    public double X0 { get; set; } = 1.125e9;

    /// <summary>Tokens at which the cosine ends.</summary>
    public double X1 { get; set; } = 30e9;
}
