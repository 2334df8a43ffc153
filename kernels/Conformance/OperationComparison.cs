using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// A device's operations beside the plain references. Each run has outputs poisoned, guard bands around every tensor and inputs from a seed,
/// and is done twice: the second must give the same bits.
/// </summary>
/// <param name="operations">The operations under test.</param>
/// <param name="roundsToTf32">Whether fp32 products run in tf32 on it: then that is what the plain reference is run in.</param>
public sealed class OperationComparison(IOperations operations, bool roundsToTf32 = false) : IDisposable
{
    /// <summary>The error of the plain reference is the largest of so many results: few numbers need many runs for it to be no accident.</summary>
    private const int EnoughNumbers = 100_000;

    private const int LeastMovedRuns = 2;

    /// <summary>With moved inputs, however few the results are.</summary>
    internal const int MostMovedRuns = 127;

    private readonly ReferenceDevice _host = new();

    /// <summary>The operations under test.</summary>
    public IOperations Operations => operations;

    /// <summary>Runs <paramref name="act"/> on the device and on the references, and holds everything written to the tolerance rule.</summary>
    /// <param name="act">Makes the tensors and calls the operation.</param>
    /// <param name="seed">Of the inputs.</param>
    /// <param name="isSingle">Whether a 16-bit device owes fp32 arithmetic up to the last rounding: the plain reference is then run in fp32.</param>
    /// <param name="mostMovedRuns">Of the plain reference, with inputs moved.</param>
    /// <exception cref="ConformanceException">Something was written beside the outputs.</exception>
    public IReadOnlyList<TensorVerdict> Compare(Action<OperationBench> act, int seed, bool isSingle, int mostMovedRuns = MostMovedRuns)
    {
        ArgumentNullException.ThrowIfNull(act);
        Dictionary<string, OperationResult> actual = Run(act, seed);
        Dictionary<string, OperationResult> again = Run(act, seed);
        Dictionary<string, OperationResult> oracle = Run(new ReferenceOperations<double>(_host), act, seed);
        Dictionary<string, OperationResult>[] plain = [.. ParallelEnumerable.Range(0, 1 + MovedRuns(oracle, mostMovedRuns)).Select(run => RunPlain(act, seed, run, isSingle))];
        return [.. actual.Select(pair =>
        {
            (string name, OperationResult result) = pair;
            double[] expected = oracle[name].Values;
            return new TensorVerdict(
                name,
                Tolerance.LargestError(expected, result.Values),
                Tolerance.Bound(expected, plain.Select(p => p[name].Values), result.Type),
                result.Bytes.AsSpan().SequenceEqual(again[name].Bytes));
        })];
    }

    /// <summary>Runs <paramref name="act"/> on the device alone.</summary>
    public Dictionary<string, OperationResult> Run(Action<OperationBench> act, int seed) => Run(operations, act, seed);

    public void Dispose() => _host.Dispose();

    private static int MovedRuns(Dictionary<string, OperationResult> results, int most) =>
        Math.Clamp(EnoughNumbers / Math.Max(1, results.Values.Sum(r => r.Values.Length)), LeastMovedRuns, most);

    private Dictionary<string, OperationResult> Run(
        IOperations on, Action<OperationBench> act, int seed, int? jitter = null, bool tf32 = false, DataType? movedBy = null)
    {
        ArgumentNullException.ThrowIfNull(act);
        using var bench = new OperationBench(on, operations.Storage, operations.Master, seed, jitter) { RoundsToTf32 = tf32, MovedBy = movedBy };
        act(bench);
        return bench.Collect();
    }

    /// <summary>The plain reference in the storage type of the device under test; run 0 with the inputs as they are, the others moved.</summary>
    private Dictionary<string, OperationResult> RunPlain(Action<OperationBench> act, int seed, int run, bool isSingle)
    {
        bool isLifted = isSingle && operations.Storage is (DataType.Float16 or DataType.BFloat16);
        IOperations plain = isLifted ? new ReferenceOperations<float>(_host) : operations.Storage switch
        {
            DataType.Float64 => new ReferenceOperations<double>(_host),
            DataType.Float32 => new ReferenceOperations<float>(_host),
            DataType.Float16 => new ReferenceOperations<Half>(_host),
            DataType.BFloat16 => new ReferenceOperations<BFloat16>(_host),
            _ => throw new NotSupportedException($"the plain references cannot run in {operations.Storage.ShortName()}"),
        };
        return Run(plain, act, seed, run == 0 ? null : unchecked(seed + run), roundsToTf32, isLifted ? DataType.Float32 : null);
    }
}
