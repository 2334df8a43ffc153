using System;
using System.Collections.Generic;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Cast;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>
/// The operations on a GPU, real or simulated: each hands its arguments to the launcher of its kernels, or to the matrix products. Kernels
/// are compiled for the shapes that come, when they first come; from then on a call allocates nothing managed. Not for several threads.
/// </summary>
public sealed partial class CudaOperations : IOperations, IDisposable
{
    private readonly GpuDevice _device;
    private readonly KernelQueue _queue;
    private readonly MatrixProducts _products;
    private readonly OperationChecks _checks;
    private readonly Workspace _workspace;
    private readonly long _logitBytes;
    private readonly EpilogueTimer _epilogues;
    private readonly CastLauncher _cast;
    private readonly Lazy<AdamWLauncher> _adamW;
    private readonly Lazy<GradientNormLauncher> _gradientNorm;
    private readonly Lazy<BiasGradientLauncher> _biasGradient;
    private readonly Lazy<SumLossesLauncher> _sumLosses;
    private readonly Lazy<SamplingLauncher> _sampling;
    private readonly ByKey<bool, EmbeddingLauncher> _embedding;
    private readonly ByKey<(int Channels, bool HasDropout), LayerNormLauncher> _layerNorm;
    private readonly ByKey<int, ActivationLauncher> _activation;
    private readonly ByKey<int, CrossEntropyLauncher> _crossEntropy;
    private readonly Lazy<RotaryLauncher> _rotary;
    private readonly AttentionChooser _attention;
    private readonly ByKey<int, AttentionDecodeLauncher> _decode;
    private HeadChunks? _head;

    /// <param name="device">The GPU.</param>
    /// <param name="queue">Compiles and launches on the device's compute stream; disposed of with the operations.</param>
    /// <param name="products">Matrix products on the same stream; disposed of with the operations.</param>
    /// <param name="storage">x: fp32, fp16 or bf16.</param>
    /// <param name="options">Scratch that the head's logits may take at once, at least a row's, and attention's kernels.</param>
    /// <param name="selector">Measures which of several kernels to run; null where the last that serves is taken.</param>
    public CudaOperations(
        GpuDevice device, KernelQueue queue, MatrixProducts products, DataType storage, GpuOptions options, KernelSelector? selector = null)
    {
        ArgumentNullException.ThrowIfNull(products);
        ArgumentNullException.ThrowIfNull(options);
        (_device, _queue, _products, Storage, _logitBytes) = (device, queue, products, storage, options.LogitBytes);
        _checks = new OperationChecks(storage, Master);
        _workspace = new Workspace(products.WorkspaceBytes);
        _epilogues = new EpilogueTimer(queue, storage);
        _cast = new CastLauncher(queue);
        _adamW = new(() => new AdamWLauncher(queue, storage));
        _gradientNorm = new(() => new GradientNormLauncher(queue, storage));
        _biasGradient = new(() => new BiasGradientLauncher(queue, storage));
        _sumLosses = new(() => new SumLossesLauncher(queue));
        _sampling = new(() => new SamplingLauncher(queue, storage));
        _embedding = new(hasDropout => new EmbeddingLauncher(queue, storage, hasDropout));
        _layerNorm = new(key => new LayerNormLauncher(queue, storage, key.Channels, key.HasDropout));
        _activation = new(kind => new ActivationLauncher(queue, storage, (Activation)kind));
        _rotary = new(() => new RotaryLauncher(queue, storage));
        _attention = new AttentionChooser(queue, storage, options.Attention, selector, options.Warn);
        _decode = new(headSize => new AttentionDecodeLauncher(queue, storage, headSize));
        _crossEntropy = new(padded => new CrossEntropyLauncher(queue, storage, padded));
    }

    public Device Device => _device;

    public DataType Storage { get; }

    public DataType Master => DataType.Float32;

    /// <summary>Where kernels are compiled and launched.</summary>
    public KernelQueue Queue => _queue;

    /// <summary>What multiplies matrices.</summary>
    public MatrixProducts Products => _products;

    public IReadOnlyList<KernelChoice> Choices => _attention.Choices;

    /// <summary>Hears of each kernel, product, fill and copy that operations enqueue; null for nobody.</summary>
    public ILaunchObserver? Observer
    {
        get => _queue.Observer;
        set => _queue.Observer = value;
    }

    public void Dispose()
    {
        _device.Synchronize();
        _products.Dispose();
        _queue.Dispose();
    }

    public void BindWorkspace(Tensor workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        _workspace.Bind(workspace);
    }

    public void Zero(Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (destination.Bytes > 0)
        {
            _queue.Clear(destination);
        }
    }

    public void Cast(Tensor source, Tensor destination) => _cast.Launch(source, destination);

    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout) =>
        _embedding[dropout.IsActive].Forward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);

    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout, bool accumulate) =>
        _embedding[dropout.IsActive].Backward(
            tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout, accumulate, _workspace.Whole);

    public long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary) => EmbeddingLauncher.BackwardWorkspaceBytes(rows);

    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout)
    {
        ArgumentNullException.ThrowIfNull(x);
        _layerNorm[((int)x[-1], delta is not null && dropout.IsActive)].Forward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);
    }

    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Dropout dropout, bool accumulate)
    {
        ArgumentNullException.ThrowIfNull(gradY);
        _layerNorm[((int)gradY[-1], dropout.IsActive)].Backward(
            gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, accumulateGradSum, dropout, accumulate, _workspace.Whole);
    }

    public long LayerNormBackwardWorkspaceBytes(long rows, long channels) => LayerNormLauncher.BackwardWorkspaceBytes(rows, channels);

    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options) =>
        _gradientNorm.Value.Launch(gradients, scalars, options, _workspace.Whole);

    public long GradientNormWorkspaceBytes(long count) => GradientNormLauncher.WorkspaceBytes(count);

    public void GradientSquares(Tensor gradients, Tensor sums) => _gradientNorm.Value.LaunchSquares(gradients, sums);

    public long GradientSquaresCount(long count) => GradientNormLauncher.SquaresCount(count);

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options) =>
        _gradientNorm.Value.LaunchOfSquares(sums, scalars, options);

    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options) =>
        _adamW.Value.Launch(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars, options);
}
