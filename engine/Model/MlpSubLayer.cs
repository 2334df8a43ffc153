using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>x += MLP(LN2(x)), up to the sum, which the next norm makes.</summary>
public sealed class MlpSubLayer
{
    private readonly ModelContext _context;
    private readonly BlockTensors _weights;

    public MlpSubLayer(ModelContext context, int layer)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
        _weights = context.Weights.Blocks[layer];
    }

    /// <summary>residual2 = x + dropout(delta); norm2 = LN(residual2); activated = activation(norm2·Wupᵀ + b).</summary>
    /// <param name="a">Residual2 and all after it are written.</param>
    /// <param name="x">(N, C) x: the residual stream.</param>
    /// <param name="delta">(N, C) x: what attention adds.</param>
    /// <param name="dropout">On delta.</param>
    public void Expand(BlockActivations a, Tensor x, Tensor delta, in Dropout dropout)
    {
        ArgumentNullException.ThrowIfNull(a);
        Normalise(a, x, delta, a.Norm2, dropout);
        _context.Operations.LinearForward(
            a.Norm2, _weights.UpWeight, _weights.UpBias, a.Activated, _context.Model.KernelActivation, a.PreActivation);
    }

    /// <summary>branch = activated·Wdownᵀ + b: what the next norm adds to the stream.</summary>
    public void Output(BlockActivations a, Tensor branch)
    {
        ArgumentNullException.ThrowIfNull(a);
        _context.Operations.LinearForward(a.Activated, _weights.DownWeight, _weights.DownBias, branch, Activation.Identity, null);
    }

    /// <summary>Norm 2 once more, for the weight gradient of the up projection.</summary>
    public void NormaliseAgain(BlockActivations a, Tensor norm)
    {
        ArgumentNullException.ThrowIfNull(a);
        Normalise(a, a.Residual2, null, norm, Dropout.None);
    }

    /// <summary>Back from the branch to the stream.</summary>
    /// <param name="a">What the forward pass left; Activated, once the projection's gradient has used it, is replaced by PreActivation's gradient.</param>
    /// <param name="g">Scratch of this phase.</param>
    /// <param name="gradBranch">(N, C) x: of what this sub-layer added.</param>
    /// <param name="gradStream">(N, C) x: of the residual stream; ∂LN2 is added to it.</param>
    /// <param name="gradPrevious">(N, C) x: receives the gradient of what attention added; null where that is gradStream itself.</param>
    /// <param name="gradients">This block's parameter gradients.</param>
    /// <param name="dropout">The one on what attention added.</param>
    /// <param name="accumulate">Whether parameter gradients add to what is there.</param>
    public void Backward(
        BlockActivations a, BlockGradients g, Tensor gradBranch, Tensor gradStream, Tensor? gradPrevious, BlockTensors gradients,
        in Dropout dropout, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(g);
        ArgumentNullException.ThrowIfNull(gradients);
        IOperations operations = _context.Operations;
        Tensor preActivation = a.PreActivation ?? throw new InvalidOperationException("the forward pass kept nothing to go back through");
        operations.LinearBackwardWeight(gradBranch, a.Activated, gradients.DownWeight, gradients.DownBias, accumulate);

        // Not where preActivation is: a product that goes through the activation by itself reads that while it writes.
        Tensor gradUp = a.Activated;
        operations.LinearBackwardInput(gradBranch, _weights.DownWeight, gradUp, _context.Model.KernelActivation, preActivation);
        operations.LinearBackwardWeight(gradUp, g.NormAgain2 ?? a.Norm2, gradients.UpWeight, gradients.UpBias, accumulate);
        operations.LinearBackwardInput(gradUp, _weights.UpWeight, g.Norm2, Activation.Identity, null);
        operations.LayerNormBackward(
            g.Norm2, a.Residual2, _weights.Norm2Weight, a.Mean2, a.Rstd2, gradStream, gradients.Norm2Weight, gradients.Norm2Bias, gradPrevious,
            accumulateGradSum: true, dropout, accumulate);
    }

    private void Normalise(BlockActivations a, Tensor x, Tensor? delta, Tensor y, in Dropout dropout) =>
        _context.Operations.LayerNormForward(
            x, delta, delta is null ? null : a.Residual2, _weights.Norm2Weight, _weights.Norm2Bias, y, a.Mean2, a.Rstd2,
            _context.Model.LayerNormEpsilon, dropout);
}
