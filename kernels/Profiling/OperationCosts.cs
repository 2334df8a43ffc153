using System.Collections.Generic;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// The least that operations of several parts must move and compute, by the launchers' own statements. Parts are named as the folders that
/// their kernels are in. Where a device fuses an activation into the product, its statement is of operations without bytes of their own.
/// </summary>
/// <param name="storage">x.</param>
/// <param name="master">m.</param>
/// <param name="fusesActivations">Whether activations are applied while the product is at hand, as on the CPU.</param>
public sealed class OperationCosts(DataType storage, DataType master, bool fusesActivations)
{
    /// <summary>The part that matrix products are.</summary>
    public const string Product = "matrix product";

    /// <summary>The part that the kernels of bias gradients are.</summary>
    public const string BiasGradient = "Linear";

    /// <summary>Of <see cref="IOperations.LinearForward"/>.</summary>
    public IReadOnlyList<CostPart> LinearForward(Tensor x, Tensor weight, Common.Activation activation) => WithActivation(
        new MatrixProduct(x[0], weight[0], x[1], false, true, storage, storage), activation, ActivationLauncher.ForwardCost(storage, x[0] * weight[0]));

    /// <summary>Of <see cref="IOperations.LinearBackwardInput"/>.</summary>
    public IReadOnlyList<CostPart> LinearBackwardInput(Tensor gradY, Tensor weight, Common.Activation activation) => WithActivation(
        new MatrixProduct(gradY[0], weight[1], weight[0], false, false, storage, storage), activation,
        ActivationLauncher.BackwardCost(storage, gradY[0] * weight[1]));

    /// <summary>Of <see cref="IOperations.LinearBackwardWeight"/>.</summary>
    public IReadOnlyList<CostPart> LinearBackwardWeight(Tensor gradY, Tensor x, bool hasBias, bool accumulate)
    {
        CostPart product = Of(new MatrixProduct(gradY[1], x[1], gradY[0], true, false, storage, master, accumulate));
        return hasBias ? [product, new(BiasGradient, BiasGradientLauncher.Cost(storage, gradY[0], gradY[1]))] : [product];
    }

    /// <summary>Of <see cref="IOperations.CrossEntropyHead"/>: three products where gradients are asked for, and the loss over the logits.</summary>
    public IReadOnlyList<CostPart> CrossEntropyHead(Tensor x, Tensor weight, bool hasBias, bool hasGradients, bool accumulate)
    {
        (long rows, long channels, long padded) = (x[0], x[1], weight[0]);
        KernelCost products = Of(new MatrixProduct(rows, padded, channels, false, true, storage, storage)).Cost;
        KernelCost loss = CrossEntropyLauncher.Cost(storage, rows, padded, hasGradients);
        if (!hasGradients)
        {
            return [new(Product, products), new("CrossEntropy", loss)];
        }

        products += Of(new MatrixProduct(padded, channels, rows, true, false, storage, master, accumulate)).Cost;
        products += Of(new MatrixProduct(rows, channels, padded, false, false, storage, storage)).Cost;
        var parts = new List<CostPart> { new(Product, products), new("CrossEntropy", loss) };
        if (hasBias)
        {
            parts.Add(new(BiasGradient, BiasGradientLauncher.Cost(storage, rows, padded)));
        }

        return parts;
    }

    /// <summary>Of <see cref="IOperations.AttentionForward"/>.</summary>
    /// <param name="shape">B, T, H, D.</param>
    /// <param name="pairs">Pairs of a query and a key that it sees; null where nobody counted them: then as if there were no documents.</param>
    public IReadOnlyList<CostPart> AttentionForward(in AttentionShape shape, long? pairs) =>
        [new("Attention", AttentionLauncher.ForwardCost(storage, shape, pairs ?? AttentionLauncher.CausalPairs(shape)))];

    /// <summary>Of <see cref="IOperations.AttentionBackward"/>.</summary>
    /// <inheritdoc cref="AttentionForward"/>
    public IReadOnlyList<CostPart> AttentionBackward(in AttentionShape shape, long? pairs) =>
        [new("Attention", AttentionLauncher.BackwardCost(storage, shape, pairs ?? AttentionLauncher.CausalPairs(shape)))];

    /// <summary>Of <see cref="IOperations.EmbeddingBackward"/>.</summary>
    /// <param name="gradOutput">(N, C) x.</param>
    /// <param name="time">T.</param>
    /// <param name="distinctTokens">Different ids among the tokens; null where nobody counted them: then as many as rows.</param>
    /// <param name="hasPositions">Whether positions are learned.</param>
    /// <param name="accumulate">For the position embedding.</param>
    public IReadOnlyList<CostPart> EmbeddingBackward(Tensor gradOutput, long time, long? distinctTokens, bool hasPositions, bool accumulate)
    {
        (long rows, long channels) = (gradOutput[0], gradOutput[1]);
        KernelCost cost = EmbeddingLauncher.BackwardCost(storage, rows, distinctTokens ?? rows, channels);
        if (hasPositions)
        {
            cost += EmbeddingLauncher.PositionBackwardCost(storage, rows, time, channels, accumulate);
        }

        return [new("Embedding", cost)];
    }

    private IReadOnlyList<CostPart> WithActivation(in MatrixProduct product, Common.Activation activation, KernelCost cost) =>
        activation == Common.Activation.Identity ? [Of(product)] : [Of(product), new("Activation", fusesActivations ? cost with { Bytes = 0 } : cost)];

    private static CostPart Of(in MatrixProduct product) => new(Product, new KernelCost(product.Bytes, product.Flops));
}
