using System;
using System.Collections.Generic;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// The operations that have kernels, each by its launcher alone, so that the suite of every device can be held to them. Launchers are made
/// as shapes come; a model makes its own once.
/// </summary>
internal sealed class LauncherOperations : IOperations
{
    private readonly GpuDevice _device;
    private readonly KernelQueue _queue;
    private readonly Dictionary<(int Channels, bool Dropout), LayerNormLauncher> _layerNorms = [];
    private readonly Dictionary<bool, EmbeddingLauncher> _embeddings = [];
    private readonly Lazy<SumLossesLauncher> _sumLosses;
    private readonly Lazy<GradientNormLauncher> _gradientNorm;
    private readonly Lazy<AdamWLauncher> _adamW;
    private Tensor? _workspace;

    public LauncherOperations(GpuDriver driver, CompileCache cache, DataType storage)
    {
        _device = new GpuDevice(driver);
        _queue = new KernelQueue(driver, _device.Stream, cache, ImageFormat.Ptx);
        Storage = storage;
        _sumLosses = new(() => new SumLossesLauncher(_queue));
        _gradientNorm = new(() => new GradientNormLauncher(_queue, storage));
        _adamW = new(() => new AdamWLauncher(_queue, storage));
    }

    public Device Device => _device;

    /// <summary>For kernels that are no operation of their own.</summary>
    public KernelQueue Queue => _queue;

    public DataType Storage { get; }

    public DataType Master => DataType.Float32;

    private Tensor Workspace => _workspace ?? throw new InvalidOperationException("no workspace was bound");

    public void BindWorkspace(Tensor workspace) => _workspace = workspace;

    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout) =>
        Embedding(dropout.IsActive).Forward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);

    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout, bool accumulate) =>
        Embedding(dropout.IsActive).Backward(tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout, accumulate, Workspace);

    public long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary) => EmbeddingLauncher.BackwardWorkspaceBytes(rows);

    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout) =>
        LayerNorm(x, dropout.IsActive).Forward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);

    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Dropout dropout, bool accumulate) =>
        LayerNorm(gradY, dropout.IsActive).Backward(
            gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, accumulateGradSum, dropout, accumulate, Workspace);

    public long LayerNormBackwardWorkspaceBytes(long rows, long channels) => LayerNormLauncher.BackwardWorkspaceBytes(rows, channels);

    public void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate) =>
        _sumLosses.Value.Launch(losses, scalars, scale, accumulate);

    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options) =>
        _gradientNorm.Value.Launch(gradients, scalars, options, Workspace);

    public long GradientNormWorkspaceBytes(long count) => GradientNormLauncher.WorkspaceBytes(count);

    public void GradientSquares(Tensor gradients, Tensor sums) => _gradientNorm.Value.LaunchSquares(gradients, sums);

    public long GradientSquaresCount(long count) => GradientNormLauncher.SquaresCount(count);

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options) =>
        _gradientNorm.Value.LaunchOfSquares(sums, scalars, options);

    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options) =>
        _adamW.Value.Launch(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars, options);

    public void Zero(Tensor destination) => throw NoKernel();

    public void Cast(Tensor source, Tensor destination) => throw NoKernel();

    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation) => throw NoKernel();

    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation) => throw NoKernel();

    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate) => throw NoKernel();

    public long LinearWorkspaceBytes(long rows, long inputs, long outputs) => throw NoKernel();

    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse) => throw NoKernel();

    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape) => throw NoKernel();

    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape) =>
        throw NoKernel();

    public long AttentionBackwardWorkspaceBytes(in AttentionShape shape) => throw NoKernel();

    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape) => throw NoKernel();

    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape) =>
        throw NoKernel();

    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate) => throw NoKernel();

    public long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary) => throw NoKernel();

    public void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options) => throw NoKernel();

    public long SampleWorkspaceBytes(long batch, long paddedVocabulary) => throw NoKernel();

    private static NotSupportedException NoKernel() => new("this operation has no kernel yet; the fixture leaves its tests out");

    private LayerNormLauncher LayerNorm(Tensor rows, bool dropout)
    {
        (int, bool) key = ((int)rows[1], dropout);
        return _layerNorms.TryGetValue(key, out LayerNormLauncher? made)
            ? made
            : _layerNorms[key] = new LayerNormLauncher(_queue, Storage, (int)rows[1], dropout);
    }

    private EmbeddingLauncher Embedding(bool dropout) => _embeddings.TryGetValue(dropout, out EmbeddingLauncher? made)
        ? made
        : _embeddings[dropout] = new EmbeddingLauncher(_queue, Storage, dropout);
}
