namespace GptEngine.Engine.Model;

/// <summary>The order of a micro-step, as the times between which planned tensors live.</summary>
/// <param name="Layers">L.</param>
public readonly record struct Phases(int Layers)
{
    public int Embedding => 0;

    /// <summary>The head, its loss, its backward pass, and the final norm both ways.</summary>
    public int Head => 1 + (2 * Layers);

    public int EmbeddingBackward => 2 + (4 * Layers);

    public int Attention(int layer) => 1 + (2 * layer);

    public int Mlp(int layer) => 2 + (2 * layer);

    public int MlpBackward(int layer) => 2 + (2 * Layers) + (2 * (Layers - 1 - layer));

    public int AttentionBackward(int layer) => MlpBackward(layer) + 1;
}
