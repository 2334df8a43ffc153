using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// What every implementation of <see cref="IOperations"/> owes, operation by operation over the size table, against the double oracle.
/// A device's fixture derives from it and says how to make its operations. Each run has outputs poisoned, guard bands around every tensor,
/// inputs from a fresh seed, and is done twice: the second must give the same bits.
/// </summary>
public abstract partial class OperationsConformance
{
    /// <summary>The error of the plain reference is the largest of so many results: few numbers need many runs for it to be no accident.</summary>
    private const int EnoughNumbers = 100_000;

    private const int LeastMovedRuns = 2;
    private const int MostMovedRuns = 127;

    private readonly ReferenceDevice _host = new();
    private IOperations? _operations;

    /// <summary>The operations under test.</summary>
    protected IOperations Operations => _operations ?? throw new InvalidOperationException("not set up yet");

    [OneTimeSetUp]
    public void SetUp() => _operations = Create();

    [OneTimeTearDown]
    public void TearDown()
    {
        (_operations as IDisposable)?.Dispose();
        _operations?.Device.Dispose();
        _host.Dispose();
    }

    /// <summary>Makes the operations under test; they and their device are disposed of after the last test.</summary>
    protected abstract IOperations Create();

    /// <summary>Runs <paramref name="act"/> on the device and on the references, and holds everything written to the tolerance rule.</summary>
    private void Verify(Action<OperationBench> act)
    {
        int seed = TestSeed.Next();
        Dictionary<string, OperationResult> actual = Run(Operations, seed, act);
        Dictionary<string, OperationResult> again = Run(Operations, seed, act);
        Dictionary<string, OperationResult> oracle = Run(new ReferenceOperations<double>(_host), seed, act);
        Dictionary<string, OperationResult>[] plain = [.. Enumerable.Range(0, 1 + MovedRuns(oracle)).Select(run => RunPlain(seed, run, act))];
        using IDisposable scope = Assert.EnterMultipleScope();
        foreach ((string name, OperationResult result) in actual)
        {
            double[] expected = oracle[name].Values;
            double bound = Tolerance.Bound(expected, plain.Select(p => p[name].Values), result.Type);
            double error = Tolerance.LargestError(expected, result.Values);
            Assert.That(error, Is.LessThanOrEqualTo(bound), $"{name}: error against the oracle; GPTENGINE_TEST_SEED={seed}");
            Assert.That(result.Bytes.AsSpan().SequenceEqual(again[name].Bytes), $"{name}: other bits when run again; GPTENGINE_TEST_SEED={seed}");
        }
    }

    private static int MovedRuns(Dictionary<string, OperationResult> results) =>
        Math.Clamp(EnoughNumbers / Math.Max(1, results.Values.Sum(r => r.Values.Length)), LeastMovedRuns, MostMovedRuns);

    private Dictionary<string, OperationResult> Run(IOperations operations, int seed, Action<OperationBench> act, int? jitter = null)
    {
        using var bench = new OperationBench(operations, Operations.Storage, Operations.Master, seed, jitter);
        act(bench);
        return bench.Collect();
    }

    /// <summary>The plain reference in the storage type of the device under test; run 0 with the inputs as they are, the others moved.</summary>
    private Dictionary<string, OperationResult> RunPlain(int seed, int run, Action<OperationBench> act)
    {
        IOperations operations = Operations.Storage switch
        {
            DataType.Float64 => new ReferenceOperations<double>(_host),
            DataType.Float32 => new ReferenceOperations<float>(_host),
            DataType.Float16 => new ReferenceOperations<Half>(_host),
            DataType.BFloat16 => new ReferenceOperations<BFloat16>(_host),
            _ => throw new NotSupportedException($"the plain references cannot run in {Operations.Storage.ShortName()}"),
        };
        return Run(operations, seed, act, run == 0 ? null : unchecked(seed + run));
    }

    /// <summary>Dropout over <paramref name="batch"/> sequences, with scalars and sequence numbers of its own; none at probability 0.</summary>
    private static Dropout DropoutOf(OperationBench bench, float probability, int batch)
    {
        if (probability == 0)
        {
            return Dropout.None;
        }

        Tensor scalars = bench.Scalars(
            written: false,
            (StepScalar.Step, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next(1_000_000))),
            (StepScalar.SeedLow, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next())),
            (StepScalar.SeedHigh, BitConverter.UInt32BitsToSingle((uint)bench.Random.Next(1000))));
        Tensor sequences = bench.Read("sequenceIndex", bench.Integers(batch, 1000), batch);
        return new Dropout(probability, bench.Random.Next(1 << Dropout.SiteBits), sequences, scalars);
    }

    /// <summary>A number of sequences that divides the rows.</summary>
    private static int BatchOf(int rows) => rows % 3 == 0 ? 3 : rows % 2 == 0 ? 2 : 1;
}
