using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>What one block computes on its way forward. Which of these tensors share memory is the plan's business.</summary>
public sealed record BlockActivations
{
    /// <summary>(N, C) x: the residual stream that norm 1 normalises.</summary>
    public required Tensor Residual1 { get; init; }

    /// <summary>(N, C) x.</summary>
    public required Tensor Norm1 { get; init; }

    /// <summary>(N) m.</summary>
    public required Tensor Mean1 { get; init; }

    /// <summary>(N) m.</summary>
    public required Tensor Rstd1 { get; init; }

    /// <summary>(N, 3C) x, after the rotation.</summary>
    public required Tensor Qkv { get; init; }

    /// <summary>(N, C) x: what the heads give, before the projection.</summary>
    public required Tensor Attention { get; init; }

    /// <summary>(B, H, T) m.</summary>
    public required Tensor LogSumExp { get; init; }

    /// <summary>(N, C) x: the residual stream that norm 2 normalises.</summary>
    public required Tensor Residual2 { get; init; }

    /// <summary>(N, C) x.</summary>
    public required Tensor Norm2 { get; init; }

    /// <summary>(N) m.</summary>
    public required Tensor Mean2 { get; init; }

    /// <summary>(N) m.</summary>
    public required Tensor Rstd2 { get; init; }

    /// <summary>(N, 4C) x: before the activation; null where no backward pass follows. Its gradient takes its place.</summary>
    public Tensor? PreActivation { get; init; }

    /// <summary>(N, 4C) x.</summary>
    public required Tensor Activated { get; init; }
}
