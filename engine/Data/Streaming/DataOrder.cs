namespace GptEngine.Engine.Data.Streaming;

/// <summary>The order of the windows within an epoch.</summary>
public enum DataOrder
{
    /// <summary>As they stand in the stream.</summary>
    Sequential,

    /// <summary>Permuted by seed and epoch.</summary>
    Shuffled,
}
