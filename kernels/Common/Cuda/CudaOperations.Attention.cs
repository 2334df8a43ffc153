using GptEngine.Kernels.Attention;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cuda;

/// <content>Rotary positions, attention and its cache.</content>
public sealed partial class CudaOperations
{
    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse) =>
        _rotary.Value.Rotate(qkv, cosine, sine, shape, firstPosition, inverse);

    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape) =>
        _attention.For(AttentionDirection.Forward, shape).Forward(qkv, documentStart, output, logSumExp, shape);

    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape) =>
        _attention.For(AttentionDirection.Backward, shape).Backward(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape, _workspace.Whole);

    /// <summary>The variant whose kernels a pass of attention would run here where <paramref name="fastest"/> were forced: it, or the one before it that serves.</summary>
    public AttentionVariant AttentionVariantOf(AttentionVariant fastest, AttentionDirection direction, in AttentionShape shape) =>
        _attention.VariantOf(fastest, direction, shape);

    public long AttentionBackwardWorkspaceBytes(in AttentionShape shape) => AttentionLauncher.BackwardWorkspaceBytes(shape);

    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape) =>
        _decode[shape.HeadSize].Decode(qkv, keyCache, valueCache, documentStart, output, position, shape);

    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape) =>
        _decode[shape.HeadSize].Cache(qkv, keyCache, valueCache, shape);
}
