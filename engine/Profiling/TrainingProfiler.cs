using System;
using System.Collections.Generic;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Profiling;

/// <summary>Profiles a step of training.</summary>
public static class TrainingProfiler
{
    /// <summary>Trains the case's warm-up steps and one more, which is recorded.</summary>
    /// <param name="benchmark">Its warm-up steps come before the one that is recorded.</param>
    /// <param name="operations">Where; they capture no graphs.</param>
    /// <param name="group">The ranks that train it together, each calling this; null for a process alone.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="UserErrorException">The case cannot be trained here.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static StepProfile Run(BenchCase benchmark, IOperations operations, RankGroup? group, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(benchmark);
        ArgumentNullException.ThrowIfNull(operations);
        bool isTf32 = benchmark.Configuration.Training.Precision == Precision.Tf32;
        using var profiler = new OperationProfiler(operations, benchmark.Warmup, isTf32);
        using ProfiledCommunicator? collectives = group is null ? null : new ProfiledCommunicator(group.Collectives, profiler.Recorder);
        RankGroup? listened = collectives is null ? null : group! with { Collectives = collectives };
        profiler.Recorder.BeforeStep = group is null ? null : () => Align(operations.Device, group);
        BenchMeasurement measured = TrainingBenchmark.Run(benchmark with { Steps = 1 }, profiler.Operations, listened, stop);
        operations.Device.Synchronize();
        IReadOnlyList<ProfiledOperation> recorded = profiler.Recorder.Read();
        return new StepProfile(recorded, profiler.TimeSource, measured.Batch, measured.StepSeconds.Median)
        {
            Collectives = profiler.Recorder.ReadCollectives(),
            IsEstimate = profiler.Bandwidth is not null,
            BytesPerSecond = profiler.Bandwidth ?? MachinePeaks.MeasureBandwidth(operations),
            FlopsPerSecond = profiler.ProductThroughput ?? MachinePeaks.MeasureFlops(operations),
        };
    }

    /// <summary>Has the ranks begin together: else what the first waits for the last to finish the step before would pass for communication.</summary>
    private static void Align(Device device, RankGroup group)
    {
        device.Synchronize();
        group.Control.Barrier("the start of the profiled step");
    }
}
