using System;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// All activations of a training micro-step in planned memory. A kept tensor lives from the phase that makes it to the phase of the
/// backward pass that needs it last; a gradient lives for one phase, in memory that later layers' activations have left.
/// </summary>
public sealed class ModelActivations
{
    private readonly MemoryPlan _plan;
    private readonly IOperations _operations;
    private readonly ModelConfiguration _model;
    private readonly Phases _phases;
    private readonly int _batch;
    private readonly long _rows;

    public ModelActivations(MemoryPlan plan, ModelConfiguration model, IOperations operations, int batch, ActivationPolicy policy)
    {
        _plan = plan;
        _operations = operations;
        _model = model;
        _phases = new Phases(model.NLayers);
        _batch = batch;
        _rows = (long)batch * model.ContextLength;
        Policy = policy;
        int head = _phases.Head;
        int end = _phases.EmbeddingBackward;
        int channels = model.DModel;
        Branch = Storage("branch", _phases.Embedding, head, channels);
        FinalResidual = Storage("final_residual", head, head, channels);
        FinalNorm = Storage("final_norm", head, head, channels);
        FinalMean = Statistic("final_norm.mean", head, head);
        FinalRstd = Statistic("final_norm.rstd", head, head);
        Losses = Statistic("losses", head, end);
        GradStream = Storage("grad_stream", head, end, channels);
        GradBranch = model.Dropout > 0 ? Storage("grad_branch", head, end, channels) : null;
        Blocks = new BlockActivations[model.NLayers];
        Gradients = new BlockGradients[model.NLayers];
        BlockActivations? shared = policy == ActivationPolicy.RecomputeBlocks ? Block("block.", 0, _phases.Embedding, end, end) : null;
        for (int layer = 0; layer < model.NLayers; layer++)
        {
            Blocks[layer] = PlanBlock(layer, shared);
            Gradients[layer] = PlanGradients(layer);
        }
    }

    public ActivationPolicy Policy { get; }

    public BlockActivations[] Blocks { get; }

    public BlockGradients[] Gradients { get; }

    /// <summary>(N, C) x: what the last sub-layer adds, until the next norm takes it in.</summary>
    public Tensor Branch { get; }

    /// <summary>(N, C) x.</summary>
    public Tensor FinalResidual { get; }

    /// <summary>(N, C) x; its gradient takes its place.</summary>
    public Tensor FinalNorm { get; }

    /// <summary>(N) m.</summary>
    public Tensor FinalMean { get; }

    /// <summary>(N) m.</summary>
    public Tensor FinalRstd { get; }

    /// <summary>(N) m.</summary>
    public Tensor Losses { get; }

    /// <summary>(N, C) x.</summary>
    public Tensor GradStream { get; }

    /// <summary>(N, C) x: the gradient of what a sub-layer added, dropout applied; null without dropout, where it is GradStream.</summary>
    public Tensor? GradBranch { get; }

    private BlockActivations PlanBlock(int layer, BlockActivations? shared)
    {
        string prefix = $"blocks.{layer}.";
        int first = _phases.Attention(layer);
        int last = _phases.AttentionBackward(layer);
        if (shared is null)
        {
            return Block(prefix, layer, first, _phases.MlpBackward(layer), last);
        }

        return layer == 0 ? shared : shared with { Residual1 = Residual1(prefix, layer, last) };
    }

    private BlockActivations Block(string prefix, int layer, int first, int mlpLast, int attentionLast)
    {
        int channels = _model.DModel;
        bool dropsNorms = Policy == ActivationPolicy.RecomputeNorms;
        int middle = Policy == ActivationPolicy.RecomputeBlocks ? first : _phases.Mlp(layer);
        return new BlockActivations
        {
            Residual1 = Residual1(prefix, layer, attentionLast),
            Norm1 = Storage(prefix + "norm1", first, dropsNorms ? first : attentionLast, channels),
            Mean1 = Statistic(prefix + "norm1.mean", first, attentionLast),
            Rstd1 = Statistic(prefix + "norm1.rstd", first, attentionLast),
            Qkv = Storage(prefix + "attention.qkv", first, attentionLast, 3 * channels),
            Attention = Storage(prefix + "attention.heads", first, attentionLast, channels),
            LogSumExp = _plan.Transient(
                prefix + "attention.log_sum_exp", MemoryCategory.Activations, _operations.Master, first, attentionLast,
                _batch, _model.NHeads, _model.ContextLength),
            Residual2 = Storage(prefix + "residual2", middle, Math.Max(mlpLast, _phases.Attention(layer + 1)), channels),
            Norm2 = Storage(prefix + "norm2", middle, dropsNorms ? middle : mlpLast, channels),
            Mean2 = Statistic(prefix + "norm2.mean", middle, mlpLast),
            Rstd2 = Statistic(prefix + "norm2.rstd", middle, mlpLast),
            PreActivation = Storage(prefix + "mlp.up", middle, mlpLast, 4 * channels),
            Activated = Storage(prefix + "mlp.activated", middle, mlpLast, 4 * channels),
        };
    }

    // The first block's stream is the embedding itself.
    private Tensor Residual1(string prefix, int layer, int last) =>
        Storage(prefix + "residual1", layer == 0 ? _phases.Embedding : _phases.Attention(layer), last, _model.DModel);

    private BlockGradients PlanGradients(int layer)
    {
        string prefix = $"blocks.{layer}.grad_";
        int mlp = _phases.MlpBackward(layer);
        int attention = _phases.AttentionBackward(layer);
        int channels = _model.DModel;
        bool again = Policy == ActivationPolicy.RecomputeNorms;
        return new BlockGradients
        {
            Norm2 = Storage(prefix + "norm2", mlp, mlp, channels),
            NormAgain2 = again ? Storage(prefix + "norm2_again", mlp, mlp, channels) : null,
            Attention = Storage(prefix + "attention", attention, attention, channels),
            Qkv = Storage(prefix + "qkv", attention, attention, 3 * channels),
            Norm1 = Storage(prefix + "norm1", attention, attention, channels),
            NormAgain1 = again ? Storage(prefix + "norm1_again", attention, attention, channels) : null,
        };
    }

    private Tensor Storage(string name, int first, int last, int columns) =>
        _plan.Transient(name, MemoryCategory.Activations, _operations.Storage, first, last, _rows, columns);

    private Tensor Statistic(string name, int first, int last) =>
        _plan.Transient(name, MemoryCategory.Activations, _operations.Master, first, last, _rows);
}
