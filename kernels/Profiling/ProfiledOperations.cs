using System;
using System.Collections.Generic;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Cast;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// Operations that say of each call what it is and what it must cost, around those that do it. It is there only while a profile is made: nothing
/// of it weighs on training.
/// </summary>
/// <param name="inner">Those that do it; the caller's.</param>
/// <param name="recorder">Hears of the calls.</param>
/// <param name="fusesActivations">As <see cref="OperationCosts"/> has it.</param>
public sealed partial class ProfiledOperations(IOperations inner, ProfileRecorder recorder, bool fusesActivations) : IOperations, IDisposable
{
    private readonly OperationCosts _costs = new(inner.Storage, inner.Master, fusesActivations);
    private readonly BatchFacts _facts = new(inner.Device);

    public Device Device => inner.Device;

    public DataType Storage => inner.Storage;

    public DataType Master => inner.Master;

    public IReadOnlyList<KernelChoice> Choices => inner.Choices;

    public void Dispose() => _facts.Dispose();

    public void BindWorkspace(Tensor workspace) => inner.BindWorkspace(workspace);

    public void Zero(Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        using Call _ = Begin("zero", "fill", new KernelCost(destination.Bytes, 0));
        inner.Zero(destination);
    }

    public void Cast(Tensor source, Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        using Call _ = Begin("cast", "Cast", CastLauncher.Cost(source.Type, destination.Type, source.Count));
        inner.Cast(source, destination);
    }

    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Common.Dropout dropout)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(output);
        if (recorder.IsRecording)
        {
            // The first operation of a micro-step: from here on its batch is on the device.
            _facts.Read(tokens);
            recorder.BeginSegment();
        }

        using Call _ = Begin(
            "embedding forward", "Embedding", EmbeddingLauncher.ForwardCost(Storage, output[0], tokens[1], output[1], positionEmbedding is not null));
        inner.EmbeddingForward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);
    }

    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Common.Dropout dropout, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        using Call _ = Begin("embedding backward", "", recorder.IsRecording
            ? _costs.EmbeddingBackward(gradOutput, tokens[1], _facts.DistinctTokens, gradPositionEmbedding is not null, accumulate) : []);
        inner.EmbeddingBackward(tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout, accumulate);
    }

    public long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary) =>
        inner.EmbeddingBackwardWorkspaceBytes(rows, channels, paddedVocabulary);

    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Common.Dropout dropout)
    {
        ArgumentNullException.ThrowIfNull(x);
        using Call _ = Begin("layer norm forward", "LayerNorm", LayerNormLauncher.ForwardCost(Storage, x[0], x[1], delta is not null));
        inner.LayerNormForward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);
    }

    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Common.Dropout dropout, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(gradY);
        using Call _ = Begin(
            "layer norm backward", "LayerNorm", LayerNormLauncher.BackwardCost(Storage, gradY[0], gradY[1], accumulateGradSum, gradDelta is not null));
        inner.LayerNormBackward(
            gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, accumulateGradSum, dropout, accumulate);
    }

    public long LayerNormBackwardWorkspaceBytes(long rows, long channels) => inner.LayerNormBackwardWorkspaceBytes(rows, channels);

    public void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(losses);
        using Call _ = Begin("sum of losses", "CrossEntropy", new KernelCost(losses.Bytes, losses.Count));
        inner.SumLosses(losses, scalars, scale, accumulate);
    }

    public void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options) =>
        inner.Sample(logits, ids, vocabulary, position, options);

    public long SampleWorkspaceBytes(long batch, long paddedVocabulary) => inner.SampleWorkspaceBytes(batch, paddedVocabulary);

    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        using Call _ = Begin("gradient norm", "GradientNorm", GradientNormLauncher.Cost(gradients.Count));
        inner.GradientNorm(gradients, scalars, options);
    }

    public long GradientNormWorkspaceBytes(long count) => inner.GradientNormWorkspaceBytes(count);

    public void GradientSquares(Tensor gradients, Tensor sums)
    {
        ArgumentNullException.ThrowIfNull(gradients);
        using Call _ = Begin("gradient squares", "GradientNorm", GradientNormLauncher.Cost(gradients.Count));
        inner.GradientSquares(gradients, sums);
    }

    public long GradientSquaresCount(long count) => inner.GradientSquaresCount(count);

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(sums);
        using Call _ = Begin("gradient norm of squares", "GradientNorm", new KernelCost(sums.Bytes, sums.Count));
        inner.GradientNormOfSquares(sums, scalars, options);
    }

    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        using Call _ = Begin("AdamW", "AdamW", AdamWLauncher.Cost(Storage, parameters.Count));
        inner.AdamW(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars, options);
    }

    private Call Begin(string name, string part, KernelCost cost) => Begin(name, "", recorder.IsRecording ? [new CostPart(part, cost)] : []);

    private Call Begin(string name, string detail, IReadOnlyList<CostPart> costs)
    {
        recorder.BeginOperation(name, detail, costs);
        return new Call(recorder);
    }

    /// <summary>An operation from its beginning to its end.</summary>
    private readonly ref struct Call(ProfileRecorder recorder)
    {
        public void Dispose() => recorder.EndOperation();
    }
}
