using System;
using System.Numerics;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>
/// Every operation by its plain reference, with <typeparamref name="T"/> both as storage and as master type. At double it is the oracle
/// that the whole engine can run on unchanged; at float or Half it says what error the plain loops make in that type. The step scalars are
/// fp32 as everywhere, so a loss at full precision is read from the losses. Allocates; for tests and <c>gpt selftest</c>.
/// </summary>
public sealed unsafe partial class ReferenceOperations<T> : IOperations
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly OperationChecks _checks;

    /// <param name="device">Where the tensors are.</param>
    public ReferenceOperations(ReferenceDevice device)
    {
        Device = device;
        Storage = default(T) switch
        {
            double => DataType.Float64,
            float => DataType.Float32,
            System.Half => DataType.Float16,
            BFloat16 => DataType.BFloat16,
            _ => throw new NotSupportedException($"{typeof(T)} is no tensor's type"),
        };
        _checks = new OperationChecks(Storage, Master);
    }

    public Device Device { get; }

    public DataType Storage { get; }

    public DataType Master => Storage;

    public void BindWorkspace(Tensor workspace)
    {
        // The plain loops need none.
    }

    public void Zero(Tensor destination) => new Span<byte>((void*)destination.Address, checked((int)destination.Bytes)).Clear();

    public void Cast(Tensor source, Tensor destination)
    {
        OperationChecks.Cast(source, destination);
        if (source.Type == destination.Type)
        {
            Buffer.MemoryCopy((void*)source.Address, (void*)destination.Address, destination.Bytes, source.Bytes);
            return;
        }

        for (long i = 0; i < source.Count; i++)
        {
            Store(destination, i, Load(source, i));
        }
    }

    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout)
    {
        _checks.EmbeddingForward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);
        int channels = (int)output[1];
        EmbeddingReference.Forward<T>(
            Ints(tokens), Values(tokenEmbedding), Values(positionEmbedding), Values(output), (int)tokens[1], channels, firstPosition);
        Drop(Values(output), Values(output), channels, dropout);
    }

    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout, bool accumulate)
    {
        _checks.EmbeddingBackward(tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout);
        int channels = (int)gradOutput[1];
        T[] grad = Values(gradOutput).ToArray();
        Drop(grad, grad, channels, dropout);
        EmbeddingReference.BackwardTokens<T>(Ints(tokens), grad, Values(gradTokenEmbedding), channels);
        if (gradPositionEmbedding is not null)
        {
            EmbeddingReference.BackwardPositions<T>(grad, Values(gradPositionEmbedding), (int)tokens[1], channels, accumulate);
        }
    }

    public long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary) => 0;

    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout)
    {
        _checks.LayerNormForward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);
        Span<T> normalised = Values(x);
        if (delta is not null)
        {
            T[] added = Values(delta).ToArray();
            Drop(added, added, (int)x[1], dropout);
            normalised = Values(sum);
            for (int i = 0; i < added.Length; i++)
            {
                normalised[i] = Values(x)[i] + added[i];
            }
        }

        LayerNormReference.Forward<T>(
            normalised, Values(weight), Values(bias), Values(y), Values(mean), Values(rstd), T.CreateChecked(epsilon));
    }

    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Dropout dropout, bool accumulate)
    {
        _checks.LayerNormBackward(gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, dropout);
        ClearUnless(accumulateGradSum, gradSum);
        ClearUnless(accumulate, gradWeight);
        ClearUnless(accumulate, gradBias);
        LayerNormReference.Backward<T>(
            Values(gradY), Values(sum), Values(weight), Values(mean), Values(rstd), Values(gradSum), Values(gradWeight), Values(gradBias));
        if (gradDelta is not null)
        {
            Drop(Values(gradSum), Values(gradDelta), (int)gradY[1], dropout);
        }
    }

    public long LayerNormBackwardWorkspaceBytes(long rows, long channels) => 0;

    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation)
    {
        _checks.LinearForward(x, weight, bias, y, activation, preActivation);
        LinearReference.Forward<T>(Values(x), Values(weight), Values(bias), Values(y), (int)x[1], (int)weight[0]);
        if (preActivation is not null)
        {
            Values(y).CopyTo(Values(preActivation));
        }

        ActivationReference.Forward<T>(activation, Values(y), Values(y));
    }

    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation)
    {
        _checks.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
        T[] grad = new T[gradX.Count];
        LinearReference.BackwardInput<T>(Values(gradY), Values(weight), grad, (int)weight[1], (int)weight[0]);
        if (preActivation is not null)
        {
            ActivationReference.Backward<T>(activation, grad, Values(preActivation), grad);
        }

        grad.CopyTo(Values(gradX));
    }

    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate)
    {
        _checks.LinearBackwardWeight(gradY, x, gradWeight, gradBias);
        ClearUnless(accumulate, gradWeight);
        ClearUnless(accumulate, gradBias);
        LinearReference.BackwardWeight<T>(Values(gradY), Values(x), Values(gradWeight), Values(gradBias), (int)x[1], (int)gradY[1]);
    }

    public long LinearWorkspaceBytes(long rows, long inputs, long outputs) => 0;

    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse)
    {
        _checks.Rotary(qkv, cosine, sine, shape, firstPosition);
        RotaryReference.Apply<T>(Values(qkv), Values(cosine), Values(sine), shape, firstPosition, inverse);
    }

    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        _checks.AttentionForward(qkv, documentStart, output, logSumExp, shape);
        AttentionReference.Forward<T>(Values(qkv), Ints(documentStart), Values(output), Values(logSumExp), shape);
    }

    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape)
    {
        _checks.AttentionBackward(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape);
        AttentionReference.Backward<T>(
            Values(qkv), Ints(documentStart), Values(output), Values(logSumExp), Values(gradOutput), Values(gradQkv), shape);
    }

    public long AttentionBackwardWorkspaceBytes(in AttentionShape shape) => 0;

    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape)
    {
        _checks.AttentionDecode(qkv, keyCache, valueCache, documentStart, output, position, shape);
        int capacity = (int)keyCache[2];
        AttentionReference.Cache<T>(Values(qkv), Values(keyCache), Values(valueCache), capacity, position, shape);
        AttentionReference.Decode<T>(
            Values(qkv), Values(keyCache), Values(valueCache), Ints(documentStart), Values(output), capacity, position, shape);
    }

    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape)
    {
        _checks.CacheKeysAndValues(qkv, keyCache, valueCache, shape);
        AttentionReference.Cache<T>(Values(qkv), Values(keyCache), Values(valueCache), (int)keyCache[2], 0, shape);
    }

    private static Span<T> Values(Tensor? tensor) =>
        tensor is null ? [] : new Span<T>((void*)tensor.Address, checked((int)tensor.Count));

    private static Span<int> Ints(Tensor tensor) => new((void*)tensor.Address, checked((int)tensor.Count));

    private static void ClearUnless(bool accumulate, Tensor? tensor)
    {
        if (!accumulate)
        {
            Values(tensor).Clear();
        }
    }
}
