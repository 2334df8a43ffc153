using System;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cpu;

/// <content>Attention, the head and the optimizer.</content>
internal sealed unsafe partial class CpuOperations<V>
{
    public void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape)
    {
        _checks.AttentionForward(qkv, documentStart, output, logSumExp, shape);
        CheckHeadSize(shape);
        int items = Count((long)shape.Batch * shape.Heads * AttentionForwardCpu<V>.TilesOf(shape.Time));
        _pool.RunDynamic(items, new AttentionForwardCpu<V>(Floats(qkv), Ints(documentStart), Floats(output), Floats(logSumExp), shape, _scratch));
    }

    public void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape)
    {
        _checks.AttentionBackward(qkv, documentStart, output, logSumExp, gradOutput, gradQkv, shape);
        CheckHeadSize(shape);
        float* workspace = Workspace(AttentionBackwardWorkspaceBytes(shape));
        _pool.RunDynamic(
            Count((long)shape.Batch * shape.Heads),
            new AttentionBackwardCpu<V>(
                Floats(qkv), Ints(documentStart), Floats(output), Floats(logSumExp), Floats(gradOutput), Floats(gradQkv), shape, workspace, _scratch));
    }

    public long AttentionBackwardWorkspaceBytes(in AttentionShape shape) =>
        _pool.ThreadCount * AttentionBackwardCpu<V>.WorkspaceFloats(shape) * sizeof(float);

    public void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape)
    {
        _checks.AttentionDecode(qkv, keyCache, valueCache, documentStart, output, position, shape);
        _pool.RunDynamic(
            Count((long)shape.Batch * shape.Heads),
            new AttentionDecodeCpu<V>(
                Floats(qkv), Floats(keyCache), Floats(valueCache), Ints(documentStart), Floats(output), position, keyCache[2], shape, _scratch));
    }

    public void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape)
    {
        _checks.CacheKeysAndValues(qkv, keyCache, valueCache, shape);
        _pool.Run(Count((long)shape.Batch * shape.Heads), new CacheCpu(Floats(qkv), Floats(keyCache), Floats(valueCache), keyCache[2], shape));
    }

    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate)
    {
        _checks.CrossEntropyHead(x, weight, bias, targets, losses, gradX, gradWeight, gradBias, vocabulary, scalars);
        var arguments = new HeadArguments
        {
            X = Floats(x),
            Weight = Floats(weight),
            Bias = FloatsOrNull(bias),
            Targets = Ints(targets),
            Losses = Floats(losses),
            GradX = FloatsOrNull(gradX),
            GradWeight = FloatsOrNull(gradWeight),
            GradBias = FloatsOrNull(gradBias),
            Channels = Count(x[1]),
            Vocabulary = vocabulary,
            Scale = Floats(scalars)[(int)StepScalar.LossScale] * gradientScale,
            Accumulate = accumulate,
        };
        CrossEntropyHeadCpu<V>.Run(_pool, arguments, x[0], weight[0], Workspace(CrossEntropyHeadWorkspaceBytes(x[0], x[1], weight[0])));
    }

    public long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary) =>
        CrossEntropyHeadCpu<V>.WorkspaceFloats(rows, channels, paddedVocabulary, _pool.ThreadCount) * sizeof(float);

    public void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate)
    {
        _checks.SumLosses(losses, scalars);
        double sum = 0;
        float* values = Floats(losses);
        for (long n = 0; n < losses.Count; n++)
            sum += values[n];
        ref float total = ref Floats(scalars)[(int)StepScalar.Loss];
        total = (float)((accumulate ? total : 0.0) + (sum * scale));
    }

    public void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options)
    {
        _checks.Sample(logits, ids, vocabulary, options);
        // The largest logit alone needs no weights.
        float* weights = options.Temperature == 0 ? null : Workspace(SampleWorkspaceBytes(ids.Count, logits[1]));
        _pool.RunDynamic(
            Count(ids.Count), new SampleCpu<V>(Floats(logits), logits[1], Ints(ids), vocabulary, position, options, weights, _scratch));
    }

    public long SampleWorkspaceBytes(long batch, long paddedVocabulary) => batch * paddedVocabulary * sizeof(float);

    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options)
    {
        _checks.GradientNorm(gradients, scalars, options);
        double sum = 0;
        foreach (double partial in BlockSquares(gradients))
            sum += partial;
        Decide(sum, scalars, options);
    }

    public long GradientNormWorkspaceBytes(long count) => SumOfSquaresCpu.BlocksOf(count) * sizeof(double);

    public void GradientSquares(Tensor gradients, Tensor sums)
    {
        _checks.GradientSquares(gradients, sums, GradientSquaresCount(gradients.Count));
        float* rounded = Floats(sums);
        foreach (double partial in BlockSquares(gradients))
            *rounded++ = (float)partial;
    }

    public long GradientSquaresCount(long count) => SumOfSquaresCpu.BlocksOf(count);

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options)
    {
        _checks.GradientNormOfSquares(sums, scalars, options);
        double sum = 0;
        foreach (float partial in new ReadOnlySpan<float>(Floats(sums), Count(sums.Count)))
            sum += partial;
        Decide(sum, scalars, options);
    }

    private Span<double> BlockSquares(Tensor gradients)
    {
        int blocks = Count(SumOfSquaresCpu.BlocksOf(gradients.Count));
        double* partials = (double*)Workspace(GradientNormWorkspaceBytes(gradients.Count));
        _pool.Run(blocks, new SumOfSquaresCpu(Floats(gradients), gradients.Count, partials));
        return new Span<double>(partials, blocks);
    }

    private static void Decide(double sumOfSquares, Tensor scalars, in AdamWOptions options)
    {
        var values = new Span<float>(Floats(scalars), StepScalars.Count);
        GradientNormReference.Decide(values, (float)(Math.Sqrt(sumOfSquares) / values[(int)StepScalar.LossScale]), options);
    }

    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options)
    {
        _checks.AdamW(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars);
        float* values = Floats(scalars);
        if (values[(int)StepScalar.IsFinite] == 0)
            return;
        uint updates = BitConverter.SingleToUInt32Bits(values[(int)StepScalar.AppliedUpdates]);
        var constants = new AdamWConstants(
            options, values[(int)StepScalar.LearningRate], values[(int)StepScalar.GradientFactor], updates, parameters.Count);
        _pool.Run(
            AdamWCpu<V>.ItemsOf(parameters.Count),
            new AdamWCpu<V>(
                Floats(parameters), Floats(gradients), Floats(firstMoment), Floats(secondMoment), FloatsOrNull(computeCopy), decayCount, constants));
    }

    private static void CheckHeadSize(in AttentionShape shape)
    {
        if (shape.HeadSize > AttentionTile<V>.MaxHeadSize)
            throw new ArgumentException($"shape: heads of at most {AttentionTile<V>.MaxHeadSize} channels fit a worker's memory, got {shape.HeadSize}", nameof(shape));
    }
}
