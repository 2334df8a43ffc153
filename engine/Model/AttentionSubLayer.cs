using System;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>x += Attention(LN1(x)), up to the sum, which norm 2 makes.</summary>
public sealed class AttentionSubLayer
{
    private readonly ModelContext _context;
    private readonly BlockTensors _weights;

    public AttentionSubLayer(ModelContext context, int layer)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _weights = context.Weights.Blocks[layer];
    }

    /// <summary>residual1 = x + dropout(delta); norm1 = LN(residual1); qkv = norm1·Wqkvᵀ, rotated where positions are.</summary>
    /// <param name="a">Residual1, Norm1, Mean1, Rstd1 and Qkv are written.</param>
    /// <param name="x">(N, C) x: the residual stream; Residual1 itself where <paramref name="delta"/> is null.</param>
    /// <param name="delta">(N, C) x: what the MLP before adds; null for none.</param>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="firstPosition">Position of each sequence's first row.</param>
    /// <param name="dropout">On delta.</param>
    public void Project(BlockActivations a, Tensor x, Tensor? delta, in AttentionShape shape, int firstPosition, in Dropout dropout)
    {
        Normalise(a, x, delta, a.Norm1, dropout);
        _context.Operations.LinearForward(a.Norm1, _weights.QkvWeight, _weights.QkvBias, a.Qkv, Activation.Identity, null);
        Rotate(a.Qkv, shape, firstPosition, inverse: false);
    }

    /// <summary>attention = softmax(Q·Kᵀ·scale + mask)·V.</summary>
    public void Attend(BlockActivations a, Tensor documentStart, in AttentionShape shape)
    {
        ArgumentNullException.ThrowIfNull(a);
        _context.Operations.AttentionForward(a.Qkv, documentStart, a.Attention, a.LogSumExp, shape);
    }

    /// <summary>branch = attention·Wprojᵀ + b: what norm 2 adds to the stream.</summary>
    public void Output(BlockActivations a, Tensor branch)
    {
        ArgumentNullException.ThrowIfNull(a);
        _context.Operations.LinearForward(a.Attention, _weights.ProjWeight, _weights.ProjBias, branch, Activation.Identity, null);
    }

    /// <summary>Norm 1 once more, from the stream that the forward pass left, for the weight gradient of the QKV projection.</summary>
    public void NormaliseAgain(BlockActivations a, Tensor norm)
    {
        ArgumentNullException.ThrowIfNull(a);
        Normalise(a, a.Residual1, null, norm, Dropout.None);
    }

    /// <summary>Back from the branch to the stream.</summary>
    /// <param name="a">What the forward pass left.</param>
    /// <param name="g">Scratch of this phase.</param>
    /// <param name="gradBranch">(N, C) x: of what this sub-layer added.</param>
    /// <param name="gradStream">(N, C) x: of the residual stream; ∂LN1 is added to it.</param>
    /// <param name="gradPrevious">(N, C) x: receives the gradient of what the MLP before added; null where that is gradStream or nothing.</param>
    /// <param name="documentStart">(B, T) int32.</param>
    /// <param name="gradients">This block's parameter gradients.</param>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="dropout">The one on what the MLP before added.</param>
    /// <param name="accumulate">Whether parameter gradients add to what is there.</param>
    public void Backward(
        BlockActivations a, BlockGradients g, Tensor gradBranch, Tensor gradStream, Tensor? gradPrevious, Tensor documentStart,
        BlockTensors gradients, in AttentionShape shape, in Dropout dropout, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(g);
        ArgumentNullException.ThrowIfNull(gradients);
        IOperations operations = _context.Operations;
        operations.LinearBackwardWeight(gradBranch, a.Attention, gradients.ProjWeight, gradients.ProjBias, accumulate);
        operations.LinearBackwardInput(gradBranch, _weights.ProjWeight, g.Attention, Activation.Identity, null);
        operations.AttentionBackward(a.Qkv, documentStart, a.Attention, a.LogSumExp, g.Attention, g.Qkv, shape);
        Rotate(g.Qkv, shape, 0, inverse: true);
        operations.LinearBackwardWeight(g.Qkv, g.NormAgain1 ?? a.Norm1, gradients.QkvWeight, gradients.QkvBias, accumulate);
        operations.LinearBackwardInput(g.Qkv, _weights.QkvWeight, g.Norm1, Activation.Identity, null);
        operations.LayerNormBackward(
            g.Norm1, a.Residual1, _weights.Norm1Weight, a.Mean1, a.Rstd1, gradStream, gradients.Norm1Weight, gradients.Norm1Bias, gradPrevious,
            accumulateGradSum: true, dropout, accumulate);
    }

    private void Normalise(BlockActivations a, Tensor x, Tensor? delta, Tensor y, in Dropout dropout) =>
        _context.Operations.LayerNormForward(
            x, delta, delta is null ? null : a.Residual1, _weights.Norm1Weight, _weights.Norm1Bias, y, a.Mean1, a.Rstd1,
            _context.Model.LayerNormEpsilon, dropout);

    private void Rotate(Tensor qkv, in AttentionShape shape, int firstPosition, bool inverse)
    {
        if (_context.Model.Positions == PositionKind.Rotary)
        {
            _context.Operations.Rotary(qkv, _context.Tables.Cosine!, _context.Tables.Sine!, shape, firstPosition, inverse);
        }
    }
}
