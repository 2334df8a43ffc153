using System;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Dropout;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Sampling;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <content>The head, the optimizer, and what reads the step scalars.</content>
public sealed unsafe partial class ReferenceOperations<T>
{
    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate)
    {
        _checks.CrossEntropyHead(x, weight, bias, targets, losses, gradX, gradWeight, gradBias, vocabulary, scalars);
        ClearUnless(accumulate, gradWeight);
        ClearUnless(accumulate, gradBias);
        int channels = (int)x[1];
        T scale = T.CreateChecked(Scalars(scalars)[(int)StepScalar.LossScale]) * T.CreateChecked(gradientScale);
        ReadOnlySpan<T> weights = Values(weight)[..(vocabulary * channels)];
        ReadOnlySpan<T> biases = bias is null ? [] : Values(bias)[..vocabulary];
        Span<T> gradBiases = gradBias is null ? [] : Values(gradBias)[..vocabulary];
        T[] logits = new T[vocabulary];
        for (int n = 0; n < x[0]; n++)
        {
            Span<T> row = Values(x).Slice(n * channels, channels);
            int target = Ints(targets)[n];
            LinearReference.Forward<T>(row, weights, biases, logits, channels, vocabulary);
            Values(losses)[n] = CrossEntropyReference.Loss<T>(logits, target);
            if (gradX is not null)
            {
                CrossEntropyReference.Backward<T>(logits, target, scale, logits);
                LinearReference.BackwardWeight<T>(logits, row, Values(gradWeight)[..weights.Length], gradBiases, channels, vocabulary);
                LinearReference.BackwardInput<T>(logits, weights, Values(gradX).Slice(n * channels, channels), channels, vocabulary);
            }
        }
    }

    public long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary) => 0;

    public void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate)
    {
        _checks.SumLosses(losses, scalars);
        T sum = T.Zero;
        foreach (T loss in Values(losses))
        {
            sum += loss;
        }

        ref float total = ref Scalars(scalars)[(int)StepScalar.Loss];
        total = (accumulate ? total : 0) + float.CreateChecked(sum * T.CreateChecked(scale));
    }

    public void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options)
    {
        _checks.Sample(logits, ids, vocabulary, options);
        for (int b = 0; b < ids.Count; b++)
        {
            ReadOnlySpan<T> row = Values(logits).Slice(b * (int)logits[1], vocabulary);
            Ints(ids)[b] = SamplingReference.Sample(row, options, SamplingReference.Draw(options.Seed, b, position));
        }
    }

    public long SampleWorkspaceBytes(long batch, long paddedVocabulary) => 0;

    public void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options)
    {
        _checks.GradientNorm(gradients, scalars, options);
        Span<float> values = Scalars(scalars);
        T norm = GradientNormReference.Norm<T>(Values(gradients)) / T.CreateChecked(values[(int)StepScalar.LossScale]);
        GradientNormReference.Decide(values, float.CreateChecked(norm), options);
    }

    public long GradientNormWorkspaceBytes(long count) => 0;

    public void GradientSquares(Tensor gradients, Tensor sums)
    {
        _checks.GradientSquares(gradients, sums, GradientSquaresCount(gradients.Count));
        Values(sums)[0] = GradientNormReference.SumOfSquares<T>(Values(gradients));
    }

    public long GradientSquaresCount(long count) => 1;

    public void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options)
    {
        _checks.GradientNormOfSquares(sums, scalars, options);
        T sum = T.Zero;
        foreach (T part in Values(sums))
        {
            sum += part;
        }

        Span<float> values = Scalars(scalars);
        T norm = T.Sqrt(sum) / T.CreateChecked(values[(int)StepScalar.LossScale]);
        GradientNormReference.Decide(values, float.CreateChecked(norm), options);
    }

    public void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options)
    {
        _checks.AdamW(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars);
        ReadOnlySpan<float> values = Scalars(scalars);
        if (values[(int)StepScalar.IsFinite] == 0)
        {
            return;
        }

        Update(..(int)decayCount, options.WeightDecay, values, options);
        Update((int)decayCount.., 0, values, options);
        if (computeCopy is not null)
        {
            Cast(parameters, computeCopy);
        }

        void Update(Range range, float weightDecay, ReadOnlySpan<float> values, in AdamWOptions options) =>
            AdamWReference.Update(
                Values(parameters)[range],
                Values(gradients)[range],
                Values(firstMoment)[range],
                Values(secondMoment)[range],
                T.CreateChecked(values[(int)StepScalar.GradientFactor]),
                T.CreateChecked(values[(int)StepScalar.LearningRate]),
                T.CreateChecked(options.Beta1),
                T.CreateChecked(options.Beta2),
                T.CreateChecked(options.Epsilon),
                T.CreateChecked(weightDecay),
                BitConverter.SingleToUInt32Bits(values[(int)StepScalar.AppliedUpdates]));
    }

    private static Span<float> Scalars(Tensor scalars) => new((void*)scalars.Address, StepScalars.Count);

    private static void Drop(ReadOnlySpan<T> input, Span<T> output, int channels, in Dropout dropout)
    {
        if (!dropout.IsActive)
        {
            input.CopyTo(output);
            return;
        }

        ReadOnlySpan<float> scalars = Scalars(dropout.Scalars!);
        ulong seed = BitConverter.SingleToUInt32Bits(scalars[(int)StepScalar.SeedLow])
            | ((ulong)BitConverter.SingleToUInt32Bits(scalars[(int)StepScalar.SeedHigh]) << 32);
        uint step = BitConverter.SingleToUInt32Bits(scalars[(int)StepScalar.Step]);
        DropoutReference.Apply(input, output, Ints(dropout.SequenceIndex!), channels, seed, step, dropout);
    }

    private static double Load(Tensor tensor, long index) => tensor.Type switch
    {
        DataType.Float64 => ((double*)tensor.Address)[index],
        DataType.Float32 => ((float*)tensor.Address)[index],
        DataType.Float16 => (double)((System.Half*)tensor.Address)[index],
        DataType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)tensor.Address)[index] << 16),
        _ => throw new ArgumentException($"{tensor}: not floating point", nameof(tensor)),
    };

    private static void Store(Tensor tensor, long index, double value)
    {
        switch (tensor.Type)
        {
            case DataType.Float64:
                ((double*)tensor.Address)[index] = value;
                break;
            case DataType.Float32:
                ((float*)tensor.Address)[index] = (float)value;
                break;
            case DataType.Float16:
                ((System.Half*)tensor.Address)[index] = (System.Half)value;
                break;
            case DataType.BFloat16:
                ((ushort*)tensor.Address)[index] = UpperHalf((float)value);
                break;
            default:
                throw new ArgumentException($"{tensor}: not floating point", nameof(tensor));
        }
    }

    /// <summary>bfloat16's bits, to nearest even; NaN stays NaN.</summary>
    private static ushort UpperHalf(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
