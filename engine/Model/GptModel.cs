using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// The model over one micro-batch: from tokens to the loss, and back to the gradients of all parameters. Only enqueues work; what
/// changes between micro-steps is read from device memory, so that a pass can be captured and replayed.
/// </summary>
public sealed class GptModel
{
    private readonly ModelContext _context;
    private readonly ModelConfiguration _model;
    private readonly IOperations _operations;
    private readonly ParameterTensors? _parameterGradients;
    private readonly ModelActivations _activations;
    private readonly BatchTensors _batch;
    private readonly Tensor _scalars;
    private readonly AttentionSubLayer[] _attention;
    private readonly MlpSubLayer[] _mlp;
    private readonly AttentionShape _shape;
    private readonly ModelRanges _ranges;

    /// <param name="context">Operations, shape, compute weights, tables.</param>
    /// <param name="gradients">Where parameter gradients go; null for a model that only evaluates.</param>
    /// <param name="activations">Planned for the batch.</param>
    /// <param name="batch">The micro-batch.</param>
    /// <param name="scalars">The step scalars.</param>
    public GptModel(ModelContext context, ParameterTensors? gradients, ModelActivations activations, BatchTensors batch, Tensor scalars)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(batch);
        _context = context;
        _model = context.Model;
        _operations = context.Operations;
        _parameterGradients = gradients;
        _activations = activations;
        _batch = batch;
        _scalars = scalars;
        _attention = [.. Enumerable.Range(0, _model.NLayers).Select(layer => new AttentionSubLayer(context, layer))];
        _mlp = [.. Enumerable.Range(0, _model.NLayers).Select(layer => new MlpSubLayer(context, layer))];
        _ranges = new ModelRanges(_model.NLayers);
        _shape = new AttentionShape((int)batch.Tokens[0], (int)batch.Tokens[1], _model.NHeads, _model.DHead);
    }

    /// <summary>(N) m: cross-entropy of each target, after either pass.</summary>
    public Tensor Losses => _activations.Losses;

    /// <summary>The largest scratch that any operation of a micro-step asks for.</summary>
    public static long WorkspaceBytes(ModelConfiguration model, IOperations operations, int batch)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(operations);
        long rows = (long)batch * model.ContextLength;
        long channels = model.DModel;
        long padded = model.PaddedVocabSize;
        ReadOnlySpan<long> needs =
        [
            operations.EmbeddingBackwardWorkspaceBytes(rows, channels, padded),
            operations.LayerNormBackwardWorkspaceBytes(rows, channels),
            operations.LinearWorkspaceBytes(rows, channels, 3 * channels),
            operations.LinearWorkspaceBytes(rows, channels, channels),
            operations.LinearWorkspaceBytes(rows, channels, 4 * channels),
            operations.LinearWorkspaceBytes(rows, 4 * channels, channels),
            operations.AttentionBackwardWorkspaceBytes(new AttentionShape(batch, model.ContextLength, model.NHeads, model.DHead)),
            operations.CrossEntropyHeadWorkspaceBytes(rows, channels, padded),
        ];
        long most = 0;
        foreach (long need in needs)
        {
            most = Math.Max(most, need);
        }

        return most;
    }

    /// <summary>One micro-step: loss and gradients of the batch.</summary>
    /// <param name="gradientScale">1 / target tokens of the optimizer step.</param>
    /// <param name="accumulate">False on a step's first micro-step: gradients and loss are overwritten instead of added to.</param>
    /// <param name="weights">Hears which weights are read next; may be null.</param>
    public void ForwardBackward(float gradientScale, bool accumulate, IWeightListener? weights = null)
    {
        TrainingForward(weights);
        LossAndBackward(gradientScale, accumulate, null);
    }

    /// <summary>The first part of a micro-step: up to the final norm.</summary>
    /// <param name="weights">Hears which weights are read next; may be null.</param>
    public void TrainingForward(IWeightListener? weights) => Forward(training: true, weights);

    /// <summary>The second part: the head both ways, and the rest of the way back.</summary>
    /// <param name="gradientScale">As of <see cref="ForwardBackward"/>.</param>
    /// <param name="accumulate">As of <see cref="ForwardBackward"/>.</param>
    /// <param name="listener">Hears what is complete; may be null.</param>
    public void LossAndBackward(float gradientScale, bool accumulate, IGradientListener? listener)
    {
        using (Range(_ranges.Head))
        {
            _operations.CrossEntropyHead(
                _activations.FinalNorm, _context.Weights.HeadWeight, _context.Weights.HeadBias, _batch.Targets, Losses, _activations.FinalNorm,
                Gradients.HeadWeight, Gradients.HeadBias, _model.VocabSize, gradientScale, _scalars, accumulate);
            _operations.SumLosses(Losses, _scalars, gradientScale, accumulate);
        }

        listener?.OnLoss();
        Backward(accumulate, listener);
    }

    /// <summary>Losses only, without dropout; gradients stay as they are.</summary>
    public void Evaluate()
    {
        Forward(training: false, weights: null);
        using RangeScope head = Range(_ranges.Head);
        _operations.CrossEntropyHead(
            _activations.FinalNorm, _context.Weights.HeadWeight, _context.Weights.HeadBias, _batch.Targets, Losses, null, null, null,
            _model.VocabSize, 1, _scalars, accumulate: false);
    }

    private ParameterTensors Gradients =>
        _parameterGradients ?? throw new InvalidOperationException("this model was made to evaluate only");

    private void Forward(bool training, IWeightListener? weights)
    {
        using RangeScope pass = Range(_ranges.Forward);
        var phases = new Phases(_model.NLayers);
        weights?.BeforeWeights(phases.Embedding);
        Tensor stream = _activations.Blocks[0].Residual1;
        using (Range(_ranges.Embedding))
        {
            _operations.EmbeddingForward(
                _batch.Tokens, _context.Weights.TokenEmbedding, _context.Weights.PositionEmbedding ?? _context.Tables.Sinusoids, stream, 0,
                DropoutAt(ModelContext.EmbeddingSite, training));
        }

        Tensor branch = _activations.Branch;
        for (int layer = 0; layer < _model.NLayers; layer++)
        {
            using RangeScope block = Range(_ranges.Layers[layer]);
            BlockActivations a = _activations.Blocks[layer];
            weights?.BeforeWeights(phases.Attention(layer));
            using (Range(_ranges.Attention))
            {
                Dropout before = layer == 0 ? Dropout.None : DropoutAt(ModelContext.MlpSite(layer - 1), training);
                _attention[layer].Project(a, stream, layer == 0 ? null : branch, _shape, 0, before);
                _attention[layer].Attend(a, _batch.DocumentStart, _shape);
                _attention[layer].Output(a, branch);
            }

            weights?.BeforeWeights(phases.Mlp(layer));
            using (Range(_ranges.Mlp))
            {
                _mlp[layer].Expand(a, a.Residual1, branch, DropoutAt(ModelContext.AttentionSite(layer), training));
                _mlp[layer].Output(a, branch);
            }

            stream = a.Residual2;
        }

        weights?.BeforeWeights(phases.Head);
        using RangeScope norm = Range(_ranges.FinalNorm);
        _operations.LayerNormForward(
            stream, branch, _activations.FinalResidual, _context.Weights.FinalNormWeight, _context.Weights.FinalNormBias,
            _activations.FinalNorm, _activations.FinalMean, _activations.FinalRstd, _model.LayerNormEpsilon,
            DropoutAt(ModelContext.MlpSite(_model.NLayers - 1), training));
    }

    private void Backward(bool accumulate, IGradientListener? listener)
    {
        using RangeScope pass = Range(_ranges.Backward);
        Tensor gradStream = _activations.GradStream;
        Tensor gradBranch = _activations.GradBranch ?? gradStream;
        using (Range(_ranges.FinalNorm))
        {
            _operations.LayerNormBackward(
                _activations.FinalNorm, _activations.FinalResidual, _context.Weights.FinalNormWeight, _activations.FinalMean,
                _activations.FinalRstd, gradStream, Gradients.FinalNormWeight, Gradients.FinalNormBias, _activations.GradBranch,
                accumulateGradSum: false, DropoutAt(ModelContext.MlpSite(_model.NLayers - 1), training: true), accumulate);
        }

        var phases = new Phases(_model.NLayers);
        listener?.OnGradients(phases.Head);
        for (int layer = _model.NLayers - 1; layer >= 0; layer--)
        {
            BackwardBlock(layer, gradStream, gradBranch, accumulate, listener);
            listener?.OnGradients(phases.AttentionBackward(layer));
        }

        using RangeScope embedding = Range(_ranges.Embedding);
        if (!_model.TieEmbeddings && !accumulate)
        {
            // A tied head has overwritten the shared gradient already.
            _operations.Zero(Gradients.TokenEmbedding);
        }

        _operations.EmbeddingBackward(
            _batch.Tokens, gradStream, Gradients.TokenEmbedding, Gradients.PositionEmbedding,
            DropoutAt(ModelContext.EmbeddingSite, training: true), accumulate);
        listener?.OnGradients(phases.EmbeddingBackward);
    }

    private void BackwardBlock(int layer, Tensor gradStream, Tensor gradBranch, bool accumulate, IGradientListener? listener)
    {
        using RangeScope block = Range(_ranges.Layers[layer]);
        BlockActivations a = _activations.Blocks[layer];
        BlockGradients g = _activations.Gradients[layer];
        BlockTensors gradients = Gradients.Blocks[layer];
        Dropout attentionDropout = DropoutAt(ModelContext.AttentionSite(layer), training: true);
        Recompute(layer, a, g, attentionDropout);
        using (Range(_ranges.Mlp))
        {
            _mlp[layer].Backward(a, g, gradBranch, gradStream, _activations.GradBranch, gradients, attentionDropout, accumulate);
        }

        listener?.OnGradients(new Phases(_model.NLayers).MlpBackward(layer));
        using RangeScope attention = Range(_ranges.Attention);
        if (g.NormAgain1 is { } norm1)
        {
            using RangeScope again = Range(_ranges.Recompute);
            _attention[layer].NormaliseAgain(a, norm1);
        }

        Dropout before = layer == 0 ? Dropout.None : DropoutAt(ModelContext.MlpSite(layer - 1), training: true);
        _attention[layer].Backward(
            a, g, gradBranch, gradStream, layer == 0 ? null : _activations.GradBranch, _batch.DocumentStart, gradients, _shape, before, accumulate);
    }

    private void Recompute(int layer, BlockActivations a, BlockGradients g, in Dropout attentionDropout)
    {
        if (_activations.Policy == ActivationPolicy.RecomputeBlocks && layer < _model.NLayers - 1)
        {
            using RangeScope again = Range(_ranges.Recompute);

            // The last block's activations are still there. What attention adds goes where the gradient of norm 2 comes next.
            _attention[layer].Project(a, a.Residual1, null, _shape, 0, Dropout.None);
            _attention[layer].Attend(a, _batch.DocumentStart, _shape);
            _attention[layer].Output(a, g.Norm2);
            _mlp[layer].Expand(a, a.Residual1, g.Norm2, attentionDropout);
        }
        else if (g.NormAgain2 is { } norm2)
        {
            using RangeScope again = Range(_ranges.Recompute);
            _mlp[layer].NormaliseAgain(a, norm2);
        }
    }

    private RangeScope Range(RangeName name) => _operations.Device.Range(name);

    private Dropout DropoutAt(int site, bool training) =>
        training && _model.Dropout > 0 ? new Dropout(_model.Dropout, site, _batch.SequenceIndex, _scalars) : Dropout.None;
}
