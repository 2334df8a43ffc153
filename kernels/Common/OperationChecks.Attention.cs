using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <content>Attention, the head and the optimizer.</content>
public readonly partial struct OperationChecks
{
    /// <inheritdoc cref="EmbeddingForward"/>
    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPosition);
        ExpectShape(shape);
        if (shape.HeadSize % 2 != 0)
        {
            throw new ArgumentException($"shape: a head is rotated by halves, so D must be even, got {shape.HeadSize}", nameof(shape));
        }

        var positions = Axis.AtLeast("T", firstPosition + (long)shape.Time);
        qkv.Expect("qkv", storage, ("N", shape.Rows), ("3C", 3L * shape.Channels));
        cosine.Expect("cosine", master, positions, ("D/2", shape.HeadSize / 2));
        sine.Expect("sine", master, positions, ("D/2", shape.HeadSize / 2));
        ExpectApart(qkv, cosine, sine);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        ExpectAttention(qkv, documentStart, output, logSumExp, shape);
        ExpectApart(output, qkv, documentStart, logSumExp);
        ExpectApart(logSumExp, qkv, documentStart);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape)
    {
        ExpectAttention(qkv, documentStart, output, logSumExp, shape);
        gradOutput.Expect("gradOutput", storage, ("N", shape.Rows), ("C", shape.Channels));
        gradQkv.Expect("gradQkv", storage, ("N", shape.Rows), ("3C", 3L * shape.Channels));
        ExpectApart(gradQkv, qkv, documentStart, output, logSumExp, gradOutput);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ExpectShape(shape);
        if (shape.Time != 1)
        {
            throw new ArgumentException($"shape: decoding takes one token a sequence, got T={shape.Time}", nameof(shape));
        }

        qkv.Expect("qkv", storage, ("B", shape.Batch), ("3C", 3L * shape.Channels));
        ExpectCache(keyCache, valueCache, position + 1L, shape);
        documentStart.Expect("documentStart", DataType.Int32, ("B", shape.Batch));
        output.Expect("output", storage, ("B", shape.Batch), ("C", shape.Channels));
        ExpectApart(output, qkv, keyCache, valueCache, documentStart);
        ExpectApart(keyCache, qkv, valueCache, documentStart);
        ExpectApart(valueCache, qkv, documentStart);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape)
    {
        ExpectShape(shape);
        qkv.Expect("qkv", storage, ("N", shape.Rows), ("3C", 3L * shape.Channels));
        ExpectCache(keyCache, valueCache, shape.Time, shape);
        ExpectApart(keyCache, qkv, valueCache);
        ExpectApart(valueCache, qkv);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, Tensor scalars)
    {
        ExpectRank(x, 2);
        ExpectRank(weight, 2);
        Axis rows = ("N", x[0]);
        Axis channels = ("C", x[1]);
        Axis padded = ("P", weight[0]);
        x.Expect("x", storage, rows, channels);
        weight.Expect("weight", storage, padded, channels);
        bias?.Expect("bias", storage, padded);
        targets.Expect("targets", DataType.Int32, "B", "T");
        losses.Expect("losses", master, rows);
        gradX?.Expect("gradX", storage, rows, channels);
        gradWeight?.Expect("gradWeight", master, padded, channels);
        gradBias?.Expect("gradBias", master, padded);
        ExpectScalars(scalars);
        ExpectVocabulary(vocabulary, weight[0]);
        if (targets.Count != x[0])
        {
            throw new ArgumentException($"targets: expected {x[0]} of them, one a row of x, got {targets}", nameof(targets));
        }

        if (gradX is null != gradWeight is null || (gradX is null && gradBias is not null) || (gradX is not null && bias is null != gradBias is null))
        {
            throw new ArgumentException("gradX, gradWeight and (with a bias) gradBias go together: give all or none", nameof(gradX));
        }

        ExpectApart(losses, x, weight, bias, targets, gradX, gradWeight, gradBias, scalars);
        ExpectApart(gradX, InPlace(gradX, x) ? null : x, weight, bias, targets, gradWeight, gradBias, scalars);
        ExpectApart(gradWeight, x, weight, bias, targets, gradBias, scalars);
        ExpectApart(gradBias, x, weight, bias, targets, scalars);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void SumLosses(Tensor losses, Tensor scalars)
    {
        losses.Expect("losses", master, "N");
        ExpectScalars(scalars);
        ExpectApart(scalars, losses);
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void Sample(Tensor logits, Tensor ids, int vocabulary, in SamplingOptions options)
    {
        ExpectRank(logits, 2);
        logits.Expect("logits", storage, "B", "P");
        ids.Expect("ids", DataType.Int32, ("B", logits[0]));
        ExpectVocabulary(vocabulary, logits[1]);
        ExpectApart(ids, logits);
        if (!(options.Temperature >= 0) || float.IsInfinity(options.Temperature) || options.TopK < 0 || !(options.TopP is > 0 and <= 1))
        {
            throw new ArgumentException(
                $"options: temperature and top-k must be 0 or more and top-p within (0, 1], got {options.Temperature}, {options.TopK} and {options.TopP}",
                nameof(options));
        }
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options)
    {
        gradients.Expect("gradients", master, "G");
        GradientOptions(gradients, scalars, options);
    }

    public void GradientSquares(Tensor gradients, Tensor sums, long sumCount)
    {
        gradients.Expect("gradients", master, "G");
        sums.Expect("sums", master, ("S", sumCount));
        ExpectApart(sums, gradients);
    }

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options)
    {
        sums.Expect("sums", master, "S");
        GradientOptions(sums, scalars, options);
    }

    private static void GradientOptions(Tensor gradients, Tensor scalars, in AdamWOptions options)
    {
        ExpectScalars(scalars);
        ExpectApart(scalars, gradients);
        if (!(options.Clip >= 0) || (options.DynamicLossScale && options.LossScaleGrowthInterval < 1))
        {
            throw new ArgumentException(
                $"options: the clip must be 0 or more and the growth interval 1 or more, got {options.Clip} and {options.LossScaleGrowthInterval}",
                nameof(options));
        }
    }

    /// <inheritdoc cref="EmbeddingForward"/>
    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars)
    {
        parameters.Expect("parameters", master, "G");
        Axis count = ("G", parameters.Count);
        gradients.Expect("gradients", master, count);
        firstMoment.Expect("firstMoment", master, count);
        secondMoment.Expect("secondMoment", master, count);
        computeCopy?.Expect("computeCopy", storage, count);
        ExpectScalars(scalars);
        if (decayCount < 0 || decayCount > parameters.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(decayCount), decayCount, $"must be within [0, G={parameters.Count}]");
        }

        ExpectApart(parameters, gradients, firstMoment, secondMoment, computeCopy, scalars);
        ExpectApart(firstMoment, gradients, secondMoment, computeCopy, scalars);
        ExpectApart(secondMoment, gradients, computeCopy, scalars);
        ExpectApart(computeCopy, gradients, scalars);
    }

    /// <summary>Any type, but the counts must be the same.</summary>
    public static void Cast(Tensor source, Tensor destination)
    {
        if (source.Count != destination.Count || source.Type == DataType.Int32 != (destination.Type == DataType.Int32))
        {
            throw new ArgumentException($"destination: expected {source.Count} numbers like those of {source}, got {destination}", nameof(destination));
        }

        ExpectApart(destination, source);
    }

    private static void ExpectShape(in AttentionShape shape)
    {
        if (shape.Batch < 1 || shape.Time < 1 || shape.Heads < 1 || shape.HeadSize < 1)
        {
            throw new ArgumentException($"shape: B, T, H and D must be 1 or more, got {shape}", nameof(shape));
        }
    }

    private static void ExpectVocabulary(int vocabulary, long padded)
    {
        if (vocabulary < 1 || vocabulary > padded || padded % VocabularyPadding != 0)
        {
            throw new ArgumentException(
                $"vocabulary: expected 1 to P={padded}, and P a multiple of {VocabularyPadding}, got {vocabulary}", nameof(vocabulary));
        }
    }

    private void ExpectAttention(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        ExpectShape(shape);
        Axis batch = ("B", shape.Batch);
        Axis time = ("T", shape.Time);
        qkv.Expect("qkv", storage, ("N", shape.Rows), ("3C", 3L * shape.Channels));
        documentStart.Expect("documentStart", DataType.Int32, batch, time);
        output.Expect("output", storage, ("N", shape.Rows), ("C", shape.Channels));
        logSumExp.Expect("logSumExp", master, batch, ("H", shape.Heads), time);
    }

    private void ExpectCache(Tensor keyCache, Tensor valueCache, long positions, in AttentionShape shape)
    {
        var length = Axis.AtLeast("Tmax", positions);
        keyCache.Expect("keyCache", storage, ("B", shape.Batch), ("H", shape.Heads), length, ("D", shape.HeadSize));
        valueCache.Expect("valueCache", storage, ("B", shape.Batch), ("H", shape.Heads), ("Tmax", keyCache[2]), ("D", shape.HeadSize));
    }
}
