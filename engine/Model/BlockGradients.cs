using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>What flows back through one block; each lives for one phase only, in memory that activations have left.</summary>
public sealed class BlockGradients
{
    /// <summary>(N, C) x.</summary>
    public required Tensor Norm1 { get; init; }

    /// <summary>(N, 3C) x.</summary>
    public required Tensor Qkv { get; init; }

    /// <summary>(N, C) x.</summary>
    public required Tensor Attention { get; init; }

    /// <summary>(N, C) x.</summary>
    public required Tensor Norm2 { get; init; }

    /// <summary>(N, C) x: the norms' outputs computed again; null where they were kept.</summary>
    public Tensor? NormAgain1 { get; init; }

    /// <summary>(N, C) x: likewise.</summary>
    public Tensor? NormAgain2 { get; init; }
}
