using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Generation;

/// <summary>The model over one growing sequence: a prompt at once, then token by token through the key/value cache.</summary>
internal sealed class InferenceModel : IDisposable
{
    private readonly ModelContext _context;
    private readonly ModelConfiguration _model;
    private readonly IOperations _operations;
    private readonly InferenceTensors _tensors;
    private readonly AttentionSubLayer[] _attention;
    private readonly MlpSubLayer[] _mlp;
    private readonly BlockActivations _one;
    private readonly Tensor _oneBranch;
    private readonly Tensor _oneToken;
    private readonly Tensor _documentStart;
    private readonly PinnedBuffer _pinned;
    private readonly DeviceEvent _event;

    public InferenceModel(ModelContext context, InferenceTensors tensors)
    {
        _context = context;
        _model = context.Model;
        _operations = context.Operations;
        _tensors = tensors;
        _attention = [.. Enumerable.Range(0, _model.NLayers).Select(layer => new AttentionSubLayer(context, layer))];
        _mlp = [.. Enumerable.Range(0, _model.NLayers).Select(layer => new MlpSubLayer(context, layer))];
        _one = tensors.Rows(1);
        _oneBranch = tensors.Branch.Rows(0, 1);
        _oneToken = tensors.Ids.View(tensors.Ids.Name, 0, 1, 1);

        // The last query's document start is where every token generated after it starts, too: generation ends at a document's end.
        _documentStart = tensors.Prompt.View("inference.document_start", tensors.Prompt.Count - 1, 1);
        _pinned = _operations.Device.AllocatePinned(tensors.Prompt.Bytes);
        _event = _operations.Device.CreateEvent();
    }

    public ModelConfiguration Model => _model;

    /// <summary>(1, P) x: of the last token run.</summary>
    public Tensor Logits => _tensors.Logits;

    /// <summary>Runs a prompt of 1 to T tokens from an empty cache; leaves the logits of its last token.</summary>
    /// <param name="tokens">The prompt.</param>
    /// <param name="documentToken">Opens a document; negative where there is no mask.</param>
    public void Prefill(ReadOnlySpan<int> tokens, int documentToken)
    {
        int rows = tokens.Length;
        UploadPrompt(tokens, documentToken);
        Tensor prompt = _tensors.Prompt.View("inference.tokens", 0, 1, rows);
        Tensor starts = _tensors.Prompt.View("inference.document_starts", _model.ContextLength, 1, rows);
        BlockActivations a = _tensors.Rows(rows);
        Tensor branch = _tensors.Branch.Rows(0, rows);
        var shape = new AttentionShape(1, rows, _model.NHeads, _model.DHead);
        Embed(prompt, a.Residual1, 0);
        for (int layer = 0; layer < _model.NLayers; layer++)
        {
            _attention[layer].Project(a, a.Residual1, layer == 0 ? null : branch, shape, 0, Dropout.None);
            _operations.CacheKeysAndValues(a.Qkv, _tensors.Keys[layer], _tensors.Values[layer], shape);
            _attention[layer].Attend(a, starts, shape);
            Finish(layer, a, branch);
        }

        Head(a, branch, rows - 1);
    }

    /// <summary>Runs the token drawn last, at <paramref name="position"/> of the cache; leaves its logits.</summary>
    public void Decode(int position)
    {
        var shape = new AttentionShape(1, 1, _model.NHeads, _model.DHead);
        Embed(_oneToken, _one.Residual1, position);
        for (int layer = 0; layer < _model.NLayers; layer++)
        {
            _attention[layer].Project(_one, _one.Residual1, layer == 0 ? null : _oneBranch, shape, position, Dropout.None);
            _operations.AttentionDecode(
                _one.Qkv, _tensors.Keys[layer], _tensors.Values[layer], _documentStart, _one.Attention, position, shape);
            Finish(layer, _one, _oneBranch);
        }

        Head(_one, _oneBranch, 0);
    }

    /// <summary>Draws a token from the logits and brings it to the host; it also stays on the device for <see cref="Decode"/>.</summary>
    /// <param name="position">The token's place in the text, which it is drawn by.</param>
    /// <param name="options">How.</param>
    /// <param name="vocabulary">Only ids below it are drawn.</param>
    public int Sample(long position, in SamplingOptions options, int vocabulary)
    {
        _operations.Sample(_tensors.Logits, _tensors.Ids, vocabulary, position, options);
        _operations.Device.Download(_tensors.Ids, _pinned, 0);
        _event.Record();
        _event.Wait();
        return _pinned.AsSpan<int>(0, 1)[0];
    }

    public void Dispose()
    {
        _operations.Device.Synchronize();
        _pinned.Dispose();
        _event.Dispose();
    }

    private void UploadPrompt(ReadOnlySpan<int> tokens, int documentToken)
    {
        int time = _model.ContextLength;
        _operations.Device.Synchronize();
        Span<int> pinned = _pinned.AsSpan<int>(0, 2 * time);
        pinned.Clear();
        tokens.CopyTo(pinned);
        int start = 0;
        for (int t = 0; t < tokens.Length; t++)
        {
            start = tokens[t] == documentToken && _model.DocumentMask ? t : start;
            pinned[time + t] = start;
        }

        // Past the prompt, where only decoding looks; for a prompt as long as the context this is its own last entry.
        pinned[(2 * time) - 1] = start;
        _operations.Device.Upload(_pinned, 0, _tensors.Prompt);
    }

    private void Embed(Tensor tokens, Tensor stream, int firstPosition) =>
        _operations.EmbeddingForward(
            tokens, _context.Weights.TokenEmbedding, _context.Weights.PositionEmbedding ?? _context.Tables.Sinusoids, stream, firstPosition,
            Dropout.None);

    private void Finish(int layer, BlockActivations a, Tensor branch)
    {
        _attention[layer].Output(a, branch);
        _mlp[layer].Expand(a, a.Residual1, branch, Dropout.None);
        _mlp[layer].Output(a, branch);
    }

    private void Head(BlockActivations a, Tensor branch, int row)
    {
        Tensor stream = a.Residual2.Rows(row, 1);
        _operations.LayerNormForward(
            stream, branch.Rows(row, 1), stream, _context.Weights.FinalNormWeight, _context.Weights.FinalNormBias, _one.Norm1, _one.Mean1,
            _one.Rstd1, _model.LayerNormEpsilon, Dropout.None);
        _operations.LinearForward(
            _one.Norm1, _context.Weights.HeadWeight, _context.Weights.HeadBias, _tensors.Logits, Activation.Identity, null);
    }
}
