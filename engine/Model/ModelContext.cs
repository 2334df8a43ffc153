using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;

namespace GptEngine.Engine.Model;

/// <summary>What every part of a model needs.</summary>
/// <param name="Operations">Where it runs.</param>
/// <param name="Model">Its shape.</param>
/// <param name="Weights">The compute weights.</param>
/// <param name="Tables">Constant tables of positions.</param>
public sealed record ModelContext(IOperations Operations, ModelConfiguration Model, ParameterTensors Weights, PositionTables Tables)
{
    /// <summary>Dropout's site of the embedding sum.</summary>
    public const int EmbeddingSite = 0;

    /// <summary>Dropout's site of what attention adds.</summary>
    public static int AttentionSite(int layer) => 1 + (2 * layer);

    /// <summary>Dropout's site of what the MLP adds.</summary>
    public static int MlpSite(int layer) => 2 + (2 * layer);
}
