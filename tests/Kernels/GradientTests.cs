using System;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// Every operation's backward pass against central differences of its forward pass, in double, through the operations interface. The loss is
/// Σ output·upstream with random upstream gradients. The seed is fixed: a difference across ReLU's kink would be no derivative.
/// </summary>
public sealed class GradientTests
{
    private readonly Random _random = new(20);
    private readonly ReferenceOperations<double> _operations = new(new ReferenceDevice());
    private readonly HostTensors _host = new();

    [OneTimeTearDown]
    public void TearDown()
    {
        _host.Dispose();
        _operations.Device.Dispose();
    }

    [Test]
    public void Embedding_WithDropout()
    {
        const int Batch = 2, Time = 5, Channels = 6, Words = 7;
        int[] tokens = [.. Enumerable.Range(0, Batch * Time).Select(_ => _random.Next(Words))];
        double[] words = Normal(Words * Channels), places = Normal((Time + 2) * Channels), upstream = Normal(Batch * Time * Channels);
        double[] output = new double[upstream.Length], gradWords = new double[words.Length], gradPlaces = Normal(places.Length);
        Tensor ids = _host.Of("tokens", tokens, Batch, Time);
        Tensor y = _host.Of("output", output, Batch * Time, Channels);
        Tensor table = _host.Of("words", words, Words, Channels);
        Tensor positions = _host.Of("places", places, Time + 2, Channels);
        Dropout dropout = SomeDropout(Batch);
        double Loss()
        {
            _operations.EmbeddingForward(ids, table, positions, y, 0, dropout);
            return Dot(output, upstream);
        }

        _operations.EmbeddingBackward(
            ids,
            _host.Of("upstream", upstream, Batch * Time, Channels),
            _host.Of("gradWords", gradWords, Words, Channels),
            _host.Of("gradPlaces", gradPlaces, Time + 2, Channels),
            dropout,
            accumulate: false);
        FiniteDifferences.AssertGradient("words", Loss, words, gradWords);
        FiniteDifferences.AssertGradient("places", Loss, places, gradPlaces);
    }

    [Test]
    public void LayerNorm_WithResidualAndDropout()
    {
        const int Rows = 4, Channels = 7;
        double[] x = Normal(Rows * Channels), delta = Normal(Rows * Channels), weight = Normal(Channels), bias = Normal(Channels);
        double[] upstream = Normal(x.Length), upstreamSum = Normal(x.Length);
        double[] sum = new double[x.Length], y = new double[x.Length], gradDelta = new double[x.Length];
        double[] gradSum = [.. upstreamSum], gradWeight = new double[Channels], gradBias = new double[Channels];
        Tensor mean = _host.Of("mean", new double[Rows], Rows), rstd = _host.Of("rstd", new double[Rows], Rows);
        Tensor sumTensor = Matrix(sum, Channels), yTensor = Matrix(y, Channels), xTensor = Matrix(x, Channels), deltaTensor = Matrix(delta, Channels);
        Tensor weightTensor = _host.Of("weight", weight, Channels), biasTensor = _host.Of("bias", bias, Channels);
        Dropout dropout = SomeDropout(2);
        double Loss()
        {
            _operations.LayerNormForward(xTensor, deltaTensor, sumTensor, weightTensor, biasTensor, yTensor, mean, rstd, 1e-5f, dropout);
            return Dot(y, upstream) + Dot(sum, upstreamSum);
        }

        Loss();
        _operations.LayerNormBackward(
            Matrix(upstream, Channels),
            sumTensor,
            weightTensor,
            mean,
            rstd,
            Matrix(gradSum, Channels),
            _host.Of("gradWeight", gradWeight, Channels),
            _host.Of("gradBias", gradBias, Channels),
            Matrix(gradDelta, Channels),
            accumulateGradSum: true,
            dropout,
            accumulate: true);
        FiniteDifferences.AssertGradient("x", Loss, x, gradSum);
        FiniteDifferences.AssertGradient("delta", Loss, delta, gradDelta);
        FiniteDifferences.AssertGradient("weight", Loss, weight, gradWeight);
        FiniteDifferences.AssertGradient("bias", Loss, bias, gradBias);
    }

    /// <summary>Two layers with an activation between them: y = activation(x·W₁ᵀ + b₁)·W₂ᵀ.</summary>
    [Test]
    public void Linear_ThroughActivation([Values] Activation activation)
    {
        const int Rows = 3, Inputs = 4, Hidden = 5, Outputs = 2;
        double[] x = Normal(Rows * Inputs), first = Normal(Hidden * Inputs), bias = Normal(Hidden), second = Normal(Outputs * Hidden);
        double[] upstream = Normal(Rows * Outputs), y = new double[Rows * Outputs];
        double[] gradZ = new double[Rows * Hidden], gradX = new double[x.Length];
        double[] gradFirst = new double[first.Length], gradBias = new double[Hidden], gradSecond = new double[second.Length];
        Tensor xTensor = Matrix(x, Inputs), yTensor = Matrix(y, Outputs), gradY = Matrix(upstream, Outputs), gradHidden = Matrix(gradZ, Hidden);
        Tensor hidden = Matrix(new double[Rows * Hidden], Hidden), preActivation = Matrix(new double[Rows * Hidden], Hidden);
        Tensor firstTensor = Matrix(first, Inputs), secondTensor = Matrix(second, Hidden), biasTensor = _host.Of("bias", bias, Hidden);
        double Loss()
        {
            _operations.LinearForward(xTensor, firstTensor, biasTensor, hidden, activation, preActivation);
            _operations.LinearForward(hidden, secondTensor, null, yTensor, Activation.Identity, null);
            return Dot(y, upstream);
        }

        Loss();
        Tensor? derivativeAt = activation == Activation.Identity ? null : preActivation;
        _operations.LinearBackwardWeight(gradY, hidden, Matrix(gradSecond, Hidden), null, accumulate: false);
        _operations.LinearBackwardInput(gradY, secondTensor, gradHidden, activation, derivativeAt);
        _operations.LinearBackwardWeight(gradHidden, xTensor, Matrix(gradFirst, Inputs), _host.Of("gradBias", gradBias, Hidden), accumulate: false);
        _operations.LinearBackwardInput(gradHidden, firstTensor, Matrix(gradX, Inputs), Activation.Identity, null);
        FiniteDifferences.AssertGradient("x", Loss, x, gradX);
        FiniteDifferences.AssertGradient("first weight", Loss, first, gradFirst);
        FiniteDifferences.AssertGradient("bias", Loss, bias, gradBias);
        FiniteDifferences.AssertGradient("second weight", Loss, second, gradSecond);
    }

    [Test]
    public void Attention_WithRotaryAndDocuments([Values] bool rotary)
    {
        var shape = new AttentionShape(2, 6, 2, 4);
        int columns = 3 * shape.Channels;
        double[] qkv = Normal(shape.Rows * columns), upstream = Normal(shape.Rows * shape.Channels);
        double[] output = new double[upstream.Length], gradQkv = new double[qkv.Length], angles = Normal(6 * 2), rotated = new double[qkv.Length];
        Tensor starts = _host.Of("starts", new[] { 0, 0, 0, 3, 3, 3, 0, 1, 2, 2, 2, 5 }, 2, 6);
        Tensor cosine = Matrix(Array.ConvertAll(angles, Math.Cos), 2), sine = Matrix(Array.ConvertAll(angles, Math.Sin), 2);
        Tensor input = Matrix(rotated, columns), outputTensor = Matrix(output, shape.Channels), gradTensor = Matrix(gradQkv, columns);
        Tensor logSumExp = _host.Of("logSumExp", new double[24], 2, 2, 6);
        double Loss()
        {
            qkv.CopyTo(rotated, 0);
            if (rotary)
            {
                _operations.Rotary(input, cosine, sine, shape, 0, inverse: false);
            }

            _operations.AttentionForward(input, starts, outputTensor, logSumExp, shape);
            return Dot(output, upstream);
        }

        Loss();
        _operations.AttentionBackward(input, starts, outputTensor, logSumExp, Matrix(upstream, shape.Channels), gradTensor, shape);
        if (rotary)
        {
            _operations.Rotary(gradTensor, cosine, sine, shape, 0, inverse: true);
        }

        FiniteDifferences.AssertGradient("qkv", Loss, qkv, gradQkv);
    }

    [Test]
    public void CrossEntropyHead_ScaledLoss()
    {
        const int Rows = 4, Channels = 3, Vocabulary = 5, Padded = 128;
        const float GradientScale = 0.125f, LossScale = 64;
        double[] x = Normal(Rows * Channels), weight = Normal(Padded * Channels), bias = Normal(Padded), losses = new double[Rows];
        double[] gradX = new double[x.Length], gradWeight = new double[weight.Length], gradBias = new double[Padded];
        float[] scalarValues = new float[StepScalars.Count];
        scalarValues[(int)StepScalar.LossScale] = LossScale;
        Tensor scalars = _host.Of("scalars", scalarValues, StepScalars.Count), lossTensor = _host.Of("losses", losses, Rows);
        Tensor xTensor = Matrix(x, Channels), weightTensor = Matrix(weight, Channels), biasTensor = _host.Of("bias", bias, Padded);
        Tensor targets = _host.Of("targets", new[] { 0, 4, 2, 4 }, 2, 2);
        double Loss()
        {
            _operations.CrossEntropyHead(
                xTensor, weightTensor, biasTensor, targets, lossTensor, null, null, null, Vocabulary, GradientScale, scalars, accumulate: false);
            return losses.Sum() * GradientScale * LossScale;
        }

        _operations.CrossEntropyHead(
            xTensor,
            weightTensor,
            biasTensor,
            targets,
            lossTensor,
            Matrix(gradX, Channels),
            Matrix(gradWeight, Channels),
            _host.Of("gradBias", gradBias, Padded),
            Vocabulary,
            GradientScale,
            scalars,
            accumulate: false);
        FiniteDifferences.AssertGradient("x", Loss, x, gradX);
        FiniteDifferences.AssertGradient("weight", Loss, weight, gradWeight);
        FiniteDifferences.AssertGradient("bias", Loss, bias, gradBias);
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private Tensor Matrix(double[] values, int columns) => _host.Of("matrix", values, values.Length / columns, columns);

    private Dropout SomeDropout(int batch)
    {
        float[] scalars = new float[StepScalars.Count];
        scalars[(int)StepScalar.SeedLow] = BitConverter.UInt32BitsToSingle(99);
        return new Dropout(
            0.3f, 2, _host.Of("sequences", [.. Enumerable.Range(5, batch)], batch), _host.Of("scalars", scalars, StepScalars.Count));
    }

    private double[] Normal(long count) => [.. Enumerable.Range(0, (int)count).Select(_ =>
        Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()))];
}
