using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>The references in double against what PyTorch computed in float64: they differ by the order of summation only.</summary>
public sealed class ReferenceOracleTests
{
    /// <summary>Of the largest value, or of 1 where all are small and the rest of what cancelled: sums of some thousand terms, in another order.</summary>
    private const double Agreement = 1e-12;

    private static readonly Dictionary<string, Activation> Activations = new()
    {
        ["gelu_tanh"] = Activation.GeluTanh,
        ["gelu"] = Activation.Gelu,
        ["relu"] = Activation.Relu,
    };

    private static IEnumerable<string> Cases(string operation) => OperationOracle.Cases(operation);

    [TestCaseSource(nameof(Cases), ["layer_norm"])]
    public void LayerNorm(string name)
    {
        OperationOracle oracle = OperationOracle.Load("layer_norm", name);
        LayerNorm(oracle, oracle.Input("x"), new double[oracle.Input("x").Length], ["mean", "rstd"]);
    }

    [TestCaseSource(nameof(Cases), ["residual_layer_norm"])]
    public void ResidualLayerNorm(string name)
    {
        OperationOracle oracle = OperationOracle.Load("residual_layer_norm", name);
        double[] sum = [.. oracle.Input("x").Zip(oracle.Input("branch"), (x, delta) => x + delta)];
        AssertAgrees(oracle, "sum", sum);
        AssertAgrees(oracle, "grad_branch", LayerNorm(oracle, sum, oracle.Input("grad_sum"), []));
    }

    [TestCase("gelu_tanh")]
    [TestCase("gelu")]
    [TestCase("relu")]
    public void Activation_Edges(string operation)
    {
        foreach (string name in Cases(operation))
        {
            OperationOracle oracle = OperationOracle.Load(operation, name);
            double[] x = oracle.Input("x");
            double[] y = new double[x.Length];
            double[] gradX = new double[x.Length];
            ActivationReference.Forward<double>(Activations[operation], x, y);
            ActivationReference.Backward<double>(Activations[operation], oracle.Input("grad_y"), x, gradX);
            AssertAgrees(oracle, "y", y);
            AssertAgrees(oracle, "grad_x", gradX);
        }
    }

    [TestCaseSource(nameof(Cases), ["linear"])]
    public void Linear(string name)
    {
        OperationOracle oracle = OperationOracle.Load("linear", name);
        double[] x = oracle.Input("x");
        double[] weight = oracle.Input("weight");
        double[] gradY = oracle.Input("grad_y");
        double[] bias = oracle.HasInput("bias") ? oracle.Input("bias") : [];
        int outputs = (int)oracle.InputShape("weight")[0];
        int inputs = (int)oracle.InputShape("weight")[1];
        double[] y = new double[gradY.Length];
        double[] gradX = new double[x.Length];
        double[] gradWeight = new double[weight.Length];
        double[] gradBias = new double[bias.Length];
        LinearReference.Forward<double>(x, weight, bias, y, inputs, outputs);
        LinearReference.BackwardInput<double>(gradY, weight, gradX, inputs, outputs);
        LinearReference.BackwardWeight<double>(gradY, x, gradWeight, gradBias, inputs, outputs);
        AssertAgrees(oracle, "y", y);
        AssertAgrees(oracle, "grad_x", gradX);
        AssertAgrees(oracle, "grad_weight", gradWeight);
        if (bias.Length > 0)
        {
            AssertAgrees(oracle, "grad_bias", gradBias);
        }
    }

    [TestCaseSource(nameof(Cases), ["embedding"])]
    public void Embedding(string name)
    {
        OperationOracle oracle = OperationOracle.Load("embedding", name);
        int[] tokens = oracle.Integers("tokens");
        int time = (int)oracle.InputShape("tokens")[1];
        double[] weight = oracle.Input("weight");
        int channels = (int)oracle.InputShape("weight")[1];
        double[] positions = oracle.Attributes.GetProperty("positions").GetString() switch
        {
            "learned" => oracle.Input("position_weight"),
            "sinusoidal" => Sinusoids(time, channels),
            _ => [],
        };
        double[] y = new double[tokens.Length * channels];
        double[] gradWeight = new double[weight.Length];
        EmbeddingReference.Forward<double>(tokens, weight, positions, y, time, channels, 0);
        EmbeddingReference.BackwardTokens<double>(tokens, oracle.Input("grad_y"), gradWeight, channels);
        AssertAgrees(oracle, "y", y);
        AssertAgrees(oracle, "grad_weight", gradWeight);
        if (oracle.HasInput("position_weight"))
        {
            double[] gradPositions = new double[positions.Length];
            EmbeddingReference.BackwardPositions<double>(oracle.Input("grad_y"), gradPositions, time, channels, accumulate: false);
            AssertAgrees(oracle, "grad_position_weight", gradPositions);
        }
    }

    [TestCaseSource(nameof(Cases), ["rotary"])]
    public void Rotary(string name)
    {
        OperationOracle oracle = OperationOracle.Load("rotary", name);
        long[] shape = oracle.InputShape("x");
        var attention = new AttentionShape((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
        AssertAgrees(oracle, "y", Rotated(oracle.Input("x"), attention, inverse: false));
        AssertAgrees(oracle, "grad_x", Rotated(oracle.Input("grad_y"), attention, inverse: true));
    }

    [TestCaseSource(nameof(Cases), ["attention"])]
    public void Attention(string name)
    {
        OperationOracle oracle = OperationOracle.Load("attention", name);
        JsonElement attributes = oracle.Attributes;
        long[] tokens = oracle.InputShape("tokens");
        var shape = new AttentionShape(
            (int)tokens[0], (int)tokens[1], attributes.GetProperty("n_heads").GetInt32(), attributes.GetProperty("d_head").GetInt32());
        int documentToken = attributes.GetProperty("document_mask").GetBoolean() ? attributes.GetProperty("document_token").GetInt32() : -1;
        int[] starts = DocumentStarts(oracle.Integers("tokens"), shape.Time, documentToken);
        bool isRotary = attributes.GetProperty("rotary").GetBoolean();
        (double[] cosine, double[] sine) = Angles(shape);
        double[] qkv = oracle.Input("qkv");
        if (isRotary)
        {
            RotaryReference.Apply<double>(qkv, cosine, sine, shape, 0, inverse: false);
        }

        double[] y = new double[shape.Rows * shape.Channels];
        double[] logSumExp = new double[shape.Rows * shape.Heads];
        double[] gradQkv = new double[qkv.Length];
        AttentionReference.Forward<double>(qkv, starts, y, logSumExp, shape);
        AttentionReference.Backward<double>(qkv, starts, y, logSumExp, oracle.Input("grad_y"), gradQkv, shape);
        if (isRotary)
        {
            RotaryReference.Apply<double>(gradQkv, cosine, sine, shape, 0, inverse: true);
        }

        AssertAgrees(oracle, "y", y);
        AssertAgrees(oracle, "log_sum_exp", logSumExp);
        AssertAgrees(oracle, "grad_qkv", gradQkv);
    }

    [TestCaseSource(nameof(Cases), ["cross_entropy"])]
    public void CrossEntropy(string name)
    {
        OperationOracle oracle = OperationOracle.Load("cross_entropy", name);
        double[] logits = oracle.Input("logits");
        int[] targets = oracle.Integers("targets");
        int vocabulary = logits.Length / targets.Length;
        double[] losses = new double[targets.Length];
        double[] gradLogits = new double[logits.Length];
        for (int n = 0; n < targets.Length; n++)
        {
            ReadOnlySpan<double> row = logits.AsSpan(n * vocabulary, vocabulary);
            losses[n] = CrossEntropyReference.Loss(row, targets[n]);
            CrossEntropyReference.Backward(row, targets[n], 1.0 / targets.Length, gradLogits.AsSpan(n * vocabulary, vocabulary));
        }

        AssertAgrees(oracle, "losses", losses);
        AssertAgrees(oracle, "loss", [losses.Average()]);
        AssertAgrees(oracle, "grad_logits", gradLogits);
    }

    [TestCaseSource(nameof(Cases), ["linear_cross_entropy"])]
    public void LinearCrossEntropy(string name)
    {
        OperationOracle oracle = OperationOracle.Load("linear_cross_entropy", name);
        double[] x = oracle.Input("x");
        double[] weight = oracle.Input("weight");
        double[] bias = oracle.HasInput("bias") ? oracle.Input("bias") : [];
        int[] targets = oracle.Integers("targets");
        int vocabulary = (int)oracle.InputShape("weight")[0];
        int channels = (int)oracle.InputShape("weight")[1];
        double[] logits = new double[targets.Length * vocabulary];
        double[] gradX = new double[x.Length];
        double[] gradWeight = new double[weight.Length];
        double[] gradBias = new double[bias.Length];
        double loss = 0;
        LinearReference.Forward<double>(x, weight, bias, logits, channels, vocabulary);
        for (int n = 0; n < targets.Length; n++)
        {
            Span<double> row = logits.AsSpan(n * vocabulary, vocabulary);
            loss += CrossEntropyReference.Loss<double>(row, targets[n]) / targets.Length;
            CrossEntropyReference.Backward(row, targets[n], 1.0 / targets.Length, row);
        }

        LinearReference.BackwardInput<double>(logits, weight, gradX, channels, vocabulary);
        LinearReference.BackwardWeight<double>(logits, x, gradWeight, gradBias, channels, vocabulary);
        AssertAgrees(oracle, "loss", [loss]);
        AssertAgrees(oracle, "grad_x", gradX);
        AssertAgrees(oracle, "grad_weight", gradWeight);
        if (bias.Length > 0)
        {
            AssertAgrees(oracle, "grad_bias", gradBias);
        }
    }

    [TestCaseSource(nameof(Cases), ["adamw"])]
    public void AdamW(string name)
    {
        OperationOracle oracle = OperationOracle.Load("adamw", name);
        double Value(string attribute) => oracle.Attributes.GetProperty(attribute).GetDouble();
        string[] decayed = [.. oracle.Attributes.GetProperty("decayed").EnumerateArray().Select(e => e.GetString()!)];
        string[] names = ["matrix", "vector"];
        Dictionary<string, double[]> parameters = names.ToDictionary(n => n, oracle.Input);
        Dictionary<string, double[]> first = names.ToDictionary(n => n, n => new double[parameters[n].Length]);
        Dictionary<string, double[]> second = names.ToDictionary(n => n, n => new double[parameters[n].Length]);
        for (int step = 1; step <= (int)Value("steps"); step++)
        {
            double[] all = [.. names.SelectMany(n => oracle.Input($"grad_{n}.{step}"))];
            double norm = GradientNormReference.Norm<double>(all);
            AssertAgrees(oracle, $"norm.{step}", [norm]);
            foreach (string n in names)
            {
                AdamWReference.Update(
                    parameters[n],
                    oracle.Input($"grad_{n}.{step}"),
                    first[n],
                    second[n],
                    Math.Min(1, Value("clip") / norm),
                    oracle.Attributes.GetProperty("learning_rates")[step - 1].GetDouble(),
                    Value("beta1"),
                    Value("beta2"),
                    Value("epsilon"),
                    decayed.Contains(n) ? Value("weight_decay") : 0,
                    (uint)step);
                AssertAgrees(oracle, $"{n}.{step}", parameters[n]);
            }
        }

        foreach (string n in names)
        {
            AssertAgrees(oracle, $"first_moment_{n}", first[n]);
            AssertAgrees(oracle, $"second_moment_{n}", second[n]);
        }
    }

    private static double[] LayerNorm(OperationOracle oracle, double[] x, double[] gradX, string[] statistics)
    {
        double[] weight = oracle.Input("weight");
        double[] y = new double[x.Length];
        double[] mean = new double[x.Length / weight.Length];
        double[] rstd = new double[mean.Length];
        double[] gradWeight = new double[weight.Length];
        double[] gradBias = new double[weight.Length];
        double epsilon = oracle.Attributes.GetProperty("epsilon").GetDouble();
        LayerNormReference.Forward(x, weight, oracle.Input("bias"), y, mean, rstd, epsilon);
        LayerNormReference.Backward<double>(oracle.Input("grad_y"), x, weight, mean, rstd, gradX, gradWeight, gradBias);
        AssertAgrees(oracle, "y", y);
        AssertAgrees(oracle, "grad_x", gradX);
        AssertAgrees(oracle, "grad_weight", gradWeight);
        AssertAgrees(oracle, "grad_bias", gradBias);
        foreach (string statistic in statistics)
        {
            AssertAgrees(oracle, statistic, statistic == "mean" ? mean : rstd);
        }

        return gradX;
    }

    /// <summary>Rotates (B, T, H, D) as the Q of a QKV activation whose K and V are 0.</summary>
    private static double[] Rotated(double[] x, in AttentionShape shape, bool inverse)
    {
        (double[] cosine, double[] sine) = Angles(shape);
        double[] qkv = new double[3 * x.Length];
        for (int n = 0; n < shape.Rows; n++)
        {
            x.AsSpan(n * shape.Channels, shape.Channels).CopyTo(qkv.AsSpan(3 * n * shape.Channels));
        }

        RotaryReference.Apply<double>(qkv, cosine, sine, shape, 0, inverse);
        int channels = shape.Channels;
        return [.. Enumerable.Range(0, (int)shape.Rows).SelectMany(n => qkv.AsSpan(3 * n * channels, channels).ToArray())];
    }

    private static (double[] Cosine, double[] Sine) Angles(in AttentionShape shape)
    {
        int half = shape.HeadSize / 2;
        double[] angles = [.. Enumerable.Range(0, shape.Time * half).Select(i => i / half * Math.Pow(10000, -(double)(i % half) / half))];
        return (Array.ConvertAll(angles, Math.Cos), Array.ConvertAll(angles, Math.Sin));
    }

    private static double[] Sinusoids(int time, int channels) => [.. Enumerable.Range(0, time * channels).Select(i =>
    {
        double angle = i / channels / Math.Pow(10000, (i % channels / 2 * 2) / (double)channels);
        return i % channels % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle);
    })];

    private static int[] DocumentStarts(int[] tokens, int time, int documentToken)
    {
        int[] starts = new int[tokens.Length];
        for (int n = 0; n < tokens.Length; n++)
        {
            int t = n % time;
            starts[n] = t == 0 ? 0 : tokens[n] == documentToken ? t : starts[n - 1];
        }

        return starts;
    }

    private static void AssertAgrees(OperationOracle oracle, string role, double[] actual)
    {
        double[] expected = oracle.Output(role);
        Assert.That(actual, Has.Length.EqualTo(expected.Length), role);
        double largest = Math.Max(1, expected.Max(Math.Abs));
        Assert.That(Tolerance.LargestError(expected, actual), Is.LessThanOrEqualTo(Agreement * largest), role);
    }
}
