using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Wrong arguments are named before anything runs. Nothing is read here: the addresses are made up.</summary>
public sealed class OperationChecksTests
{
    private static readonly OperationChecks Checks = new(DataType.BFloat16, DataType.Float32);
    private static readonly AttentionShape Shape = new(2, 4, 2, 8);

    private nuint _next = 0x1000;

    private static IEnumerable<TestCaseData> Faults()
    {
        yield return Fault("output: expected (N=8, C=16) bf16, got (7, 16) bf16", (c, t) => c.EmbeddingForward(
            t.Ids(2, 4), t.X(128, 16), null, t.X(7, 16), 0, Dropout.None));
        yield return Fault("positionEmbedding: expected (T≥9, C=16) bf16, got (8, 16) bf16", (c, t) => c.EmbeddingForward(
            t.Ids(2, 4), t.X(128, 16), t.X(8, 16), t.X(8, 16), 5, Dropout.None));
        yield return Fault("gradTokenEmbedding: expected (P, C=16) fp32, got (128, 16) bf16", (c, t) => c.EmbeddingBackward(
            t.Ids(2, 4), t.X(8, 16), t.X(128, 16), null, Dropout.None));
        yield return Fault("sum: must be given exactly when delta is", (c, t) => c.LayerNormForward(
            t.X(8, 16), t.X(8, 16), null, t.X(16), t.X(16), t.X(8, 16), t.M(8), t.M(8), 1e-5f, Dropout.None));
        yield return Fault("rstd: expected (N=8) fp32, got (8) bf16", (c, t) => c.LayerNormForward(
            t.X(8, 16), null, null, t.X(16), t.X(16), t.X(8, 16), t.M(8), t.X(8), 1e-5f, Dropout.None));
        yield return Fault("dropout: 8 rows are not of 3 sequences", (c, t) => c.LayerNormForward(
            t.X(8, 16), null, null, t.X(16), t.X(16), t.X(8, 16), t.M(8), t.M(8), 1e-5f, new Dropout(0.1f, 0, t.Ids(3), t.M(32))));
        yield return Fault("dropout: the step scalars are missing", (c, t) => c.LayerNormForward(
            t.X(8, 16), null, null, t.X(16), t.X(16), t.X(8, 16), t.M(8), t.M(8), 1e-5f, new Dropout(0.1f, 0, t.Ids(2), null)));
        yield return Fault("weight: expected (out=5, in=3) bf16, got (5, 4) bf16", (c, t) => c.LinearForward(
            t.X(2, 3), t.X(5, 4), null, t.X(2, 5), Activation.Gelu, null));
        yield return Fault("preActivation: must be given exactly when there is an activation", (c, t) => c.LinearBackwardInput(
            t.X(2, 5), t.X(5, 3), t.X(2, 3), Activation.Gelu, null));
        yield return Fault("gradWeight: expected (out=5, in=3) fp32", (c, t) => c.LinearBackwardWeight(t.X(2, 5), t.X(2, 3), t.M(3, 5), null));
        yield return Fault("D must be even, got 7", (c, t) => c.Rotary(t.X(8, 42), t.M(4, 3), t.M(4, 3), Shape with { HeadSize = 7 }, 0));
        yield return Fault("logSumExp: expected (B=2, H=2, T=4) fp32, got (8, 2) fp32", (c, t) => c.AttentionForward(
            t.X(8, 48), t.Ids(2, 4), t.X(8, 16), t.M(8, 2), Shape));
        yield return Fault("keyCache: expected (B=2, H=2, Tmax≥10, D=8) bf16, got (2, 2, 9, 8) bf16", (c, t) => c.AttentionDecode(
            t.X(2, 48), t.X(2, 2, 9, 8), t.X(2, 2, 9, 8), t.Ids(2), t.X(2, 16), 9, Shape with { Time = 1 }));
        yield return Fault("vocabulary: expected 1 to P=100, and P a multiple of 128, got 97", (c, t) => c.CrossEntropyHead(
            t.X(8, 16), t.X(100, 16), null, t.Ids(2, 4), t.M(8), null, null, null, 97, t.M(32)));
        yield return Fault("gradX, gradWeight and (with a bias) gradBias go together", (c, t) => c.CrossEntropyHead(
            t.X(8, 16), t.X(128, 16), t.X(128), t.Ids(2, 4), t.M(8), t.X(8, 16), t.M(128, 16), null, 97, t.M(32)));
        yield return Fault("top-p within (0, 1], got 1, 0 and 0", (c, t) => c.Sample(t.X(2, 128), t.Ids(2), 97, new SamplingOptions(1, 0, 0, 0)));
        yield return Fault("scalars: expected (32) fp32, got (31) fp32", (c, t) => c.GradientNorm(t.M(9), t.M(31), default));
        yield return Fault("decayCount", (c, t) => c.AdamW(t.M(9), t.M(9), t.M(9), t.M(9), t.X(9), 10, t.M(32)));
    }

    [TestCaseSource(nameof(Faults))]
    public void Operation_WrongArgument_IsNamed(string message, Action<OperationChecks, OperationChecksTests> call) =>
        Assert.That(() => call(Checks, this), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    [Test]
    public void Operation_OverlappingArguments_Throws()
    {
        Tensor arena = X(100);
        Tensor x = arena.View("x", 0, 2, 8);
        Tensor y = arena.View("y", 15, 2, 8);
        Assert.That(
            () => Checks.LinearForward(x, X(8, 8), null, y, Activation.Identity, null),
            Throws.ArgumentException.With.Message.Contains("y: is written, and overlaps x"));
        Checks.LinearForward(x, X(8, 8), null, arena.View("y", 16, 2, 8), Activation.Identity, null);
    }

    [Test]
    public void Operation_InPlaceWhereAllowed_Passes()
    {
        Tensor x = X(8, 16);
        Checks.LayerNormForward(x, X(8, 16), x, X(16), X(16), X(8, 16), M(8), M(8), 1e-5f, Dropout.None);
        Checks.LinearBackwardInput(X(8, 4), X(4, 16), x, Activation.Relu, x);
        Checks.CrossEntropyHead(x, X(128, 16), null, Ids(2, 4), M(8), x, M(128, 16), null, 97, M(32));
    }

    /// <summary>A tensor of storage type.</summary>
    private Tensor X(params ReadOnlySpan<long> shape) => Make(DataType.BFloat16, shape);

    /// <summary>A tensor of master type.</summary>
    private Tensor M(params ReadOnlySpan<long> shape) => Make(DataType.Float32, shape);

    private Tensor Ids(params ReadOnlySpan<long> shape) => Make(DataType.Int32, shape);

    private static TestCaseData Fault(string message, Action<OperationChecks, OperationChecksTests> call) =>
        new TestCaseData(message, call).SetArgDisplayNames(message);

    private Tensor Make(DataType type, ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor("t", type, _next, shape);
        _next += (nuint)tensor.Bytes;
        return tensor;
    }
}
