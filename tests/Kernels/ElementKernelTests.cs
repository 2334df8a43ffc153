using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// The kernels that are only part of an operation, on the simulated GPU with all checks on: the activation apart from its GEMM, and
/// cross-entropy over a chunk of logits.
/// </summary>
[RequiresNvrtc]
[TestFixture(70, DataType.Float32)]
[TestFixture(70, DataType.Float16)]
[TestFixture(80, DataType.BFloat16)]
[TestFixture(90, DataType.Float32)]
[TestFixture(90, DataType.BFloat16)]
public sealed class ElementKernelTests(int architecture, DataType storage)
{
    private const float LossScale = 8;

    private LauncherOperations _operations = null!;

    [OneTimeSetUp]
    public void SetUp() => _operations = new LauncherOperations(
        new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), new SimulatorOptions { HostThreads = 2 }),
        new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder),
        storage);

    [OneTimeTearDown]
    public void TearDown() => _operations.Device.Dispose();

    [Test]
    public void Activation_AnyCount_MatchesOracle(
        [ValueSource(typeof(SizeTable), nameof(SizeTable.Counts))] int count,
        [Values(Activation.GeluTanh, Activation.Gelu, Activation.Relu)] Activation activation,
        [Values(0, 1)] int offset)
    {
        int seed = TestSeed.Next();
        using var bench = Bench(seed);
        double[] z = bench.Rounded(TensorKind.Storage, bench.Normal(count + offset, 4));

        // One ordinary number at least: where all are far below zero, 1 + tanh is 0 even in the oracle's double.
        z[offset] = 1.5;
        double[] gradY = bench.Rounded(TensorKind.Storage, bench.Normal(count + offset));
        var launcher = new ActivationLauncher(_operations.Queue, storage, activation);
        Tensor From(Tensor all) => all.View(all.Name, offset, count);

        // One element in, nothing is aligned: the scalar kernels.
        Tensor values = From(bench.Read("z", TensorKind.Storage, z, count + offset));
        launcher.Forward(values, From(bench.Write("y", TensorKind.Storage, count + offset)));
        launcher.Backward(
            From(bench.Read("gradY", TensorKind.Storage, gradY, count + offset)), values, From(bench.Write("gradZ", TensorKind.Storage, count + offset)));

        Dictionary<string, OperationResult> results = bench.Collect();
        Check(results["y"], Forward<double>(z, activation), Forward<float>(z, activation), offset, seed);
        Check(results["gradZ"], Backward<double>(gradY, z, activation), Backward<float>(gradY, z, activation), offset, seed);
    }

    // A weight that is no number must not hide behind a 0: the loss has to show it.
    [Test]
    public void Activation_NaN_ComesThrough([Values(Activation.GeluTanh, Activation.Gelu, Activation.Relu)] Activation activation, [Values(0, 1)] int offset)
    {
        const int count = 257;
        using var bench = Bench(seed: 1);
        double[] z = bench.Normal(count + offset);
        z[offset + 3] = z[^1] = double.NaN;
        new ActivationLauncher(_operations.Queue, storage, activation).Forward(
            bench.Read("z", TensorKind.Storage, z, count + offset).View("z", offset, count),
            bench.Write("y", TensorKind.Storage, count + offset).View("y", offset, count));
        double[] y = bench.Collect()["y"].Values[offset..];
        Assert.That(Enumerable.Range(0, count).Where(i => double.IsNaN(y[i])), Is.EqualTo(new[] { 3, count - 1 }));
    }

    [TestCase(1, 1, 128)]
    [TestCase(2, 97, 128)]
    [TestCase(5, 95, 97, TestName = "CrossEntropy_Ragged_MatchesOracle")]
    [TestCase(3, 129, 256)]
    [TestCase(33, 1000, 1024)]
    [TestCase(2, 50_257, 50_304)]
    public void CrossEntropy_Sizes_MatchesOracle(int rows, int vocabulary, int padded)
    {
        foreach (bool gradient in new[] { false, true })
        {
            int seed = TestSeed.Next();
            using var bench = Bench(seed);
            double[] logits = bench.Normal(rows * padded, 3);
            for (int i = 0; i < logits.Length; i++)
            {
                logits[i] = i % padded >= vocabulary ? double.NaN : logits[i];
            }

            logits = bench.Rounded(TensorKind.Storage, logits);
            int[] targets = bench.Integers(rows, vocabulary);
            const float scale = 0.125f;
            new CrossEntropyLauncher(_operations.Queue, storage, padded).Launch(
                gradient ? bench.Update("logits", TensorKind.Storage, logits, rows, padded) : bench.Read("logits", TensorKind.Storage, logits, rows, padded),
                bench.Read("targets", targets, rows),
                bench.Write("losses", TensorKind.Master, rows),
                vocabulary,
                scale,
                bench.Scalars(written: false, (StepScalar.LossScale, LossScale)),
                gradient);

            Dictionary<string, OperationResult> results = bench.Collect();
            (double[] losses, double[] gradients) = CrossEntropy<double>(logits, targets, vocabulary, padded, scale * LossScale);
            (double[] plainLosses, double[] plainGradients) = CrossEntropy<float>(logits, targets, vocabulary, padded, scale * LossScale);
            Check(results["losses"], losses, plainLosses, 0, seed);
            if (gradient)
            {
                Check(results["logits"], gradients, plainGradients, 0, seed);
            }
        }
    }

    private static double[] Forward<T>(double[] z, Activation activation)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] y = new T[z.Length];
        ActivationReference.Forward<T>(activation, To<T>(z), y);
        return Array.ConvertAll(y, double.CreateChecked);
    }

    private static double[] Backward<T>(double[] gradY, double[] z, Activation activation)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] gradZ = new T[z.Length];
        ActivationReference.Backward<T>(activation, To<T>(gradY), To<T>(z), gradZ);
        return Array.ConvertAll(gradZ, double.CreateChecked);
    }

    private static (double[] Losses, double[] Gradients) CrossEntropy<T>(double[] logits, int[] targets, int vocabulary, int padded, float scale)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] values = To<T>(logits);
        double[] losses = new double[targets.Length];
        for (int n = 0; n < targets.Length; n++)
        {
            Span<T> row = values.AsSpan(n * padded, vocabulary);
            losses[n] = double.CreateChecked(CrossEntropyReference.Loss<T>(row, targets[n]));
            CrossEntropyReference.Backward<T>(row, targets[n], T.CreateChecked(scale), row);
            values.AsSpan((n * padded) + vocabulary, padded - vocabulary).Clear();
        }

        return (losses, Array.ConvertAll(values, double.CreateChecked));
    }

    private static T[] To<T>(double[] values)
        where T : unmanaged, IFloatingPointIeee754<T> => Array.ConvertAll(values, T.CreateChecked);

    /// <summary>The tolerance rule; the plain run is float's, rounded to the type that the kernel stores.</summary>
    private static void Check(OperationResult actual, double[] oracle, double[] plain, int offset, int seed)
    {
        double[] stored = Array.ConvertAll(plain, value => Tolerance.Round(value, actual.Type));
        double bound = Tolerance.Bound(oracle.AsSpan(offset), [stored[offset..]], actual.Type);
        double error = Tolerance.LargestError(oracle.AsSpan(offset), actual.Values.AsSpan(offset));
        Assert.That(error, Is.LessThanOrEqualTo(bound), $"GPTENGINE_TEST_SEED={seed}");
        Assert.That(actual.Values.Take(offset), Has.All.NaN, "what is before the view stays poisoned");
    }

    private OperationBench Bench(int seed) => new(_operations, storage, DataType.Float32, seed);
}
