using System.Globalization;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Profiling;

/// <content>Linear layers, attention, the head.</content>
public sealed partial class ProfiledOperations
{
    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Common.Activation activation, Tensor? preActivation)
    {
        using Call _ = Begin(
            "linear forward", Shape(weight[1], weight[0]), recorder.IsRecording ? _costs.LinearForward(x, weight, activation) : []);
        inner.LinearForward(x, weight, bias, y, activation, preActivation);
    }

    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Common.Activation activation, Tensor? preActivation)
    {
        using Call _ = Begin(
            "linear backward input", Shape(weight[1], weight[0]), recorder.IsRecording ? _costs.LinearBackwardInput(gradY, weight, activation) : []);
        inner.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
    }

    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate)
    {
        using Call _ = Begin(
            "linear backward weight", Shape(x[1], gradY[1]),
            recorder.IsRecording ? _costs.LinearBackwardWeight(gradY, x, gradBias is not null, accumulate) : []);
        inner.LinearBackwardWeight(gradY, x, gradWeight, gradBias, accumulate);
    }

    public long LinearWorkspaceBytes(long rows, long inputs, long outputs) => inner.LinearWorkspaceBytes(rows, inputs, outputs);

    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse)
    {
        using Call _ = Begin("rotary", "Rotary", RotaryLauncher.Cost(Storage, shape));
        inner.Rotary(qkv, cosine, sine, shape, firstPosition, inverse);
    }

    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        _facts.Remember(documentStart);
        using Call _ = Begin("attention forward", "", recorder.IsRecording ? _costs.AttentionForward(shape, _facts.AttentionPairs) : []);
        inner.AttentionForward(qkv, documentStart, output, logSumExp, shape);
    }

    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape)
    {
        using Call _ = Begin("attention backward", "", recorder.IsRecording ? _costs.AttentionBackward(shape, _facts.AttentionPairs) : []);
        inner.AttentionBackward(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape);
    }

    public long AttentionBackwardWorkspaceBytes(in AttentionShape shape) => inner.AttentionBackwardWorkspaceBytes(shape);

    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape) =>
        inner.AttentionDecode(qkv, keyCache, valueCache, documentStart, output, position, shape);

    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape) =>
        inner.CacheKeysAndValues(qkv, keyCache, valueCache, shape);

    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate)
    {
        using Call _ = Begin(
            "head and cross-entropy", "",
            recorder.IsRecording ? _costs.CrossEntropyHead(x, weight, gradBias is not null, gradX is not null, accumulate) : []);
        inner.CrossEntropyHead(
            x, weight, bias, targets, losses, gradX, gradWeight, gradBias, vocabulary, gradientScale, scalars, accumulate);
    }

    public long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary) =>
        inner.CrossEntropyHeadWorkspaceBytes(rows, channels, paddedVocabulary);

    private static string Shape(long inputs, long outputs) => string.Create(CultureInfo.InvariantCulture, $"{inputs}→{outputs}");
}
