namespace GptEngine.Engine.Data.Preparation;

/// <summary>How an input is compressed, by its extension.</summary>
public enum InputCompression
{
    None,

    /// <summary><c>.gz</c>.</summary>
    Gzip,

    /// <summary><c>.zst</c>.</summary>
    Zstandard,
}
