using System;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>
/// The contract of <see cref="IOperations"/> on its arguments, checked in one place for every device: a method for each operation, with its
/// parameters. Types and shapes must fit, and what is written must overlap nothing but what the interface allows. Allocates nothing.
/// </summary>
/// <param name="storage">The device's type of activations and compute weights.</param>
/// <param name="master">The device's type of masters, parameter gradients and statistics.</param>
public readonly partial struct OperationChecks(DataType storage, DataType master)
{
    private const int VocabularyPadding = 128;

    /// <exception cref="ArgumentException">An argument's type or shape is not what the operation needs, or it overlaps another.</exception>
    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPosition);
        ExpectRank(tokens, 2);
        ExpectRank(output, 2);
        long channels = output[1];
        tokens.Expect("tokens", DataType.Int32, "B", "T");
        tokenEmbedding.Expect("tokenEmbedding", storage, "P", ("C", channels));
        positionEmbedding?.Expect("positionEmbedding", storage, Axis.AtLeast("T", firstPosition + tokens[1]), ("C", channels));
        output.Expect("output", storage, ("N", tokens.Count), ("C", channels));
        ExpectDropout(dropout, tokens.Count);
        ExpectApart(output, tokens, tokenEmbedding, positionEmbedding);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout)
    {
        ExpectRank(tokens, 2);
        ExpectRank(gradOutput, 2);
        long channels = gradOutput[1];
        tokens.Expect("tokens", DataType.Int32, "B", "T");
        gradOutput.Expect("gradOutput", storage, ("N", tokens.Count), ("C", channels));
        gradTokenEmbedding.Expect("gradTokenEmbedding", master, "P", ("C", channels));
        gradPositionEmbedding?.Expect("gradPositionEmbedding", master, Axis.AtLeast("T", tokens[1]), ("C", channels));
        ExpectDropout(dropout, tokens.Count);
        ExpectApart(gradTokenEmbedding, tokens, gradOutput, gradPositionEmbedding);
        ExpectApart(gradPositionEmbedding, tokens, gradOutput);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout)
    {
        ExpectRank(x, 2);
        Axis rows = ("N", x[0]);
        Axis channels = ("C", x[1]);
        x.Expect("x", storage, rows, channels);
        delta?.Expect("delta", storage, rows, channels);
        sum?.Expect("sum", storage, rows, channels);
        weight.Expect("weight", storage, channels);
        bias.Expect("bias", storage, channels);
        y.Expect("y", storage, rows, channels);
        mean.Expect("mean", master, rows);
        rstd.Expect("rstd", master, rows);
        if (delta is null != sum is null)
        {
            throw new ArgumentException($"sum: must be given exactly when delta is; {(sum is null ? "sum" : "delta")} is missing", nameof(sum));
        }

        if (!(epsilon > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "must be above 0");
        }

        ExpectDropout(dropout, x[0]);
        ExpectApart(sum, InPlace(sum, x) ? null : x, delta, weight, bias, y, mean, rstd);
        ExpectApart(y, x, delta, weight, bias, mean, rstd);
        ExpectApart(mean, x, delta, weight, bias, rstd);
        ExpectApart(rstd, x, delta, weight, bias);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        in Dropout dropout)
    {
        ExpectRank(gradY, 2);
        Axis rows = ("N", gradY[0]);
        Axis channels = ("C", gradY[1]);
        gradY.Expect("gradY", storage, rows, channels);
        sum.Expect("sum", storage, rows, channels);
        weight.Expect("weight", storage, channels);
        mean.Expect("mean", master, rows);
        rstd.Expect("rstd", master, rows);
        gradSum.Expect("gradSum", storage, rows, channels);
        gradWeight.Expect("gradWeight", master, channels);
        gradBias.Expect("gradBias", master, channels);
        gradDelta?.Expect("gradDelta", storage, rows, channels);
        ExpectDropout(dropout, gradY[0]);
        ExpectApart(gradSum, gradY, sum, weight, mean, rstd, gradWeight, gradBias, gradDelta);
        ExpectApart(gradDelta, gradY, sum, weight, mean, rstd, gradWeight, gradBias);
        ExpectApart(gradWeight, gradY, sum, weight, mean, rstd, gradBias);
        ExpectApart(gradBias, gradY, sum, weight, mean, rstd);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation)
    {
        ExpectRank(x, 2);
        ExpectRank(weight, 2);
        Axis rows = ("N", x[0]);
        Axis outputs = ("out", weight[0]);
        x.Expect("x", storage, rows, ("in", x[1]));
        weight.Expect("weight", storage, outputs, ("in", x[1]));
        bias?.Expect("bias", storage, outputs);
        y.Expect("y", storage, rows, outputs);
        preActivation?.Expect("preActivation", storage, rows, outputs);
        ExpectActivation(activation);
        ExpectApart(y, x, weight, bias, preActivation);
        ExpectApart(preActivation, x, weight, bias);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation)
    {
        ExpectRank(gradY, 2);
        ExpectRank(weight, 2);
        Axis rows = ("N", gradY[0]);
        Axis outputs = ("out", gradY[1]);
        Axis inputs = ("in", weight[1]);
        gradY.Expect("gradY", storage, rows, outputs);
        weight.Expect("weight", storage, outputs, inputs);
        gradX.Expect("gradX", storage, rows, inputs);
        preActivation?.Expect("preActivation", storage, rows, inputs);
        ExpectActivation(activation);
        if (activation == Activation.Identity != preActivation is null)
        {
            throw new ArgumentException($"preActivation: must be given exactly when there is an activation; the activation is {activation}", nameof(preActivation));
        }

        ExpectApart(gradX, gradY, weight, InPlace(preActivation, gradX) ? null : preActivation);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias)
    {
        ExpectRank(gradY, 2);
        ExpectRank(x, 2);
        Axis rows = ("N", gradY[0]);
        Axis outputs = ("out", gradY[1]);
        gradY.Expect("gradY", storage, rows, outputs);
        x.Expect("x", storage, rows, ("in", x[1]));
        gradWeight.Expect("gradWeight", master, outputs, ("in", x[1]));
        gradBias?.Expect("gradBias", master, outputs);
        ExpectApart(gradWeight, gradY, x, gradBias);
        ExpectApart(gradBias, gradY, x);
    }

    private static void ExpectRank(Tensor tensor, int rank, [CallerArgumentExpression(nameof(tensor))] string argument = "")
    {
        if (tensor.Rank != rank)
        {
            throw new ArgumentException($"{argument}: expected {rank} axes, got {tensor}", argument);
        }
    }

    private static void ExpectActivation(Activation activation)
    {
        if (activation is < Activation.Identity or > Activation.Relu)
        {
            throw new ArgumentOutOfRangeException(nameof(activation), activation, "no such activation");
        }
    }

    private static void ExpectDropout(in Dropout dropout, long rows)
    {
        if (!dropout.IsActive)
        {
            return;
        }

        if (!(dropout.Probability < 1) || dropout.Site is < 0 or >= 1 << Dropout.SiteBits)
        {
            throw new ArgumentException(
                $"dropout: the probability must be below 1 and the site within [0, {1 << Dropout.SiteBits}), got {dropout.Probability} and {dropout.Site}",
                nameof(dropout));
        }

        Tensor sequences = dropout.SequenceIndex ?? throw new ArgumentException("dropout: the sequence index is missing", nameof(dropout));
        sequences.Expect("dropout.SequenceIndex", DataType.Int32, "B");
        if (sequences.Count == 0 || rows % sequences.Count != 0)
        {
            throw new ArgumentException($"dropout: {rows} rows are not of {sequences.Count} sequences of one length", nameof(dropout));
        }

        ExpectScalars(dropout.Scalars ?? throw new ArgumentException("dropout: the step scalars are missing", nameof(dropout)));
    }

    private static void ExpectScalars(Tensor scalars) => scalars.Expect("scalars", DataType.Float32, StepScalars.Count);

    /// <summary>Whether an operation that may work in place has been asked to.</summary>
    private static bool InPlace(Tensor? written, Tensor? read) => written is not null && read is not null && written.Address == read.Address;

    private static void ExpectApart(Tensor? written, params ReadOnlySpan<Tensor?> others)
    {
        if (written is null || written.Bytes == 0)
        {
            return;
        }

        foreach (Tensor? other in others)
        {
            if (other is not null && other.Address < written.Address + (nuint)written.Bytes && written.Address < other.Address + (nuint)other.Bytes)
            {
                throw new ArgumentException($"{written.Name}: is written, and overlaps {other.Name}");
            }
        }
    }
}
