namespace GptEngine.Engine.Checkpoints;

/// <summary>What a file of a checkpoint must be.</summary>
public sealed record FileChecksum
{
    public required long Bytes { get; init; }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public required string Sha256 { get; init; }
}
