using System;
using System.Collections.Frozen;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>Runs cases of the kernel benchmarks on a device: for their time on the CPU and on a GPU, for their counters on a simulated one.</summary>
public static class OperationBenchmark
{
    /// <summary>Calls take sets of tensors in turn that are together so many times as large as the cache.</summary>
    private const int CachesOfSets = 2;
    private const int MostSets = 256;

    /// <summary>What the sets may take together, unless one alone takes more.</summary>
    private const long MostBytes = 4L << 30;

    private static readonly FrozenDictionary<string, Func<RotatingTensors, OperationCase, OperationWork>> Works =
        new Dictionary<string, Func<RotatingTensors, OperationCase, OperationWork>>
        {
            ["layer_norm_forward"] = RowWorks.LayerNormForward,
            ["layer_norm_backward"] = RowWorks.LayerNormBackward,
            ["gelu_forward"] = RowWorks.GeluForward,
            ["gelu_backward"] = RowWorks.GeluBackward,
            ["attention_forward"] = AttentionWorks.Forward,
            ["attention_backward"] = AttentionWorks.Backward,
            ["attention_decode"] = AttentionWorks.Decode,
            ["rotary"] = AttentionWorks.Rotary,
            ["embedding_forward"] = RowWorks.EmbeddingForward,
            ["embedding_backward"] = RowWorks.EmbeddingBackward,
            ["linear_forward"] = MatrixWorks.Forward,
            ["linear_gelu_forward"] = MatrixWorks.GeluForward,
            ["linear_backward_input"] = MatrixWorks.BackwardInput,
            ["linear_backward_weight"] = MatrixWorks.BackwardWeight,
            ["cross_entropy"] = MatrixWorks.CrossEntropy,
            ["cross_entropy_head"] = MatrixWorks.Head,
            ["gradient_norm"] = UpdateWorks.GradientNorm,
            ["adamw"] = UpdateWorks.AdamW,
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Times a case.</summary>
    /// <param name="operations">In the case's type; its workspace is bound anew.</param>
    /// <param name="test">The case.</param>
    /// <param name="cacheBytes">The largest cache, which the tensors must not stay in.</param>
    /// <param name="seconds">How long to measure.</param>
    /// <exception cref="Runtime.UserErrorException">The device has not that much memory.</exception>
    public static OperationMeasurement Time(IOperations operations, OperationCase test, long cacheBytes, double seconds)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(test);
        int sets = Sets(operations, test, cacheBytes);
        using var tensors = new RotatingTensors(operations, sets);
        OperationWork work = Works[test.Operation](tensors, test);
        tensors.Materialise();
        CallTimer timer = operations.Device is GpuDevice gpu ? new GraphTimer(gpu) : new StopwatchTimer();
        (double[] samples, int calls) = timer.Time(work.Call, sets, seconds);
        return new OperationMeasurement(test, work.Cost) { Seconds = samples, CallsPerSample = calls, Sets = sets };
    }

    /// <summary>Counts what one call does.</summary>
    /// <param name="operations">Of the simulated GPU, in the case's type.</param>
    /// <param name="driver">The simulated GPU; it must keep its reports.</param>
    /// <param name="test">The case.</param>
    public static OperationMeasurement Count(IOperations operations, SimulatedDriver driver, OperationCase test)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(test);
        using var tensors = new RotatingTensors(operations, 1);
        OperationWork work = Works[test.Operation](tensors, test);
        tensors.Materialise();
        int before = driver.Launches.Count;
        work.Call(0);
        operations.Device.Synchronize();
        return new OperationMeasurement(test, work.Cost) { Launches = [.. driver.Launches.Skip(before)], Sets = 1 };
    }

    /// <summary>Whether an operation is made of matrix products, for which a simulated GPU's library has no counters.</summary>
    public static bool Multiplies(string operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return operation.StartsWith("linear_", StringComparison.Ordinal) || operation == "cross_entropy_head";
    }

    /// <summary>Whether there is a benchmark of this name.</summary>
    internal static bool Knows(string operation) => Works.ContainsKey(operation);

    // The first reading only adds up what a set takes. Of an embedding's table a call touches little: what it must move counts.
    private static int Sets(IOperations operations, OperationCase test, long cacheBytes)
    {
        using var sizes = new RotatingTensors(operations, 0);
        KernelCost cost = Works[test.Operation](sizes, test).Cost;
        long touched = Math.Max(1, Math.Min(sizes.SetBytes, cost.Bytes));
        long most = Math.Clamp(MostBytes / Math.Max(1, sizes.SetBytes), 1, MostSets);
        return (int)Math.Clamp(DeviceTypes.CeilingDivide(CachesOfSets * cacheBytes, touched), 1, most);
    }
}
