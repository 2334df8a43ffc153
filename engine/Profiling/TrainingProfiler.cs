using System;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Engine.Profiling;

/// <summary>Profiles a step of training.</summary>
public static class TrainingProfiler
{
    /// <summary>
    /// Trains the case's warm-up steps and one more, which is recorded. On a GPU, where the timer is left open, twice: by events, and then by
    /// the GPU's own records, which are taken where they are whole.
    /// </summary>
    /// <param name="benchmark">Its warm-up steps come before the one that is recorded.</param>
    /// <param name="operations">Where; they capture no graphs.</param>
    /// <param name="group">The ranks that train it together, each calling this; null for a process alone.</param>
    /// <param name="timer">What times a GPU's work.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="UserErrorException">The case cannot be trained here, or the timer asked for cannot be had.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static StepProfile Run(BenchCase benchmark, IOperations operations, RankGroup? group, ProfileTimer timer, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(benchmark);
        ArgumentNullException.ThrowIfNull(operations);
        return operations.Device is GpuDevice { Driver: not SimulatedDriver } gpu && timer != ProfileTimer.Events
            ? Traced(benchmark, operations, group, Open(gpu, timer, out string reason), reason, timer, null, stop)
            : Once(benchmark, operations, group, null, null, stop).Profile!;
    }

    /// <summary>As <see cref="Run"/>, with a tracer that is open, or the reason why there is none, and the roofline, which is measured where it is null.</summary>
    internal static StepProfile Traced(
        BenchCase benchmark, IOperations operations, RankGroup? group, GpuTracer? tracer, string reason, ProfileTimer timer,
        (double BytesPerSecond, double FlopsPerSecond)? roofline, CancellationToken stop)
    {
        StepProfile? events = timer == ProfileTimer.Auto ? Once(benchmark, operations, group, null, roofline, stop).Profile : null;
        roofline = events is null ? roofline : (events.BytesPerSecond, events.FlopsPerSecond);
        if (tracer is null && group is null && events is not null)
        {
            return events with { TimerNote = reason };
        }

        // Ranks train together: each takes part in the second step, whether its own GPU is traced or not.
        (StepProfile? traced, string? fault) = Once(benchmark, operations, group, tracer, roofline, stop);
        if (tracer is not null && traced is not null)
        {
            return traced with { Agreement = events is null ? null : TimerAgreement.Of(traced, events) };
        }

        string note = tracer is null ? reason : $"{tracer.Name} was not taken: {fault}.";
        return events is not null ? events with { TimerNote = note } : throw new UserErrorException($"{note} Take --timer events.");
    }

    private static GpuTracer? Open(GpuDevice gpu, ProfileTimer timer, out string reason)
    {
        GpuTracer? tracer = GpuTracer.TryOpen(gpu.Driver.Properties, out reason);
        return tracer is not null || timer == ProfileTimer.Auto
            ? tracer
            : throw new UserErrorException($"--timer cupti: {reason}", ExitCode.MissingDependency);
    }

    /// <summary>One recorded step; null, with the clock's reason, where its times cannot be used.</summary>
    private static (StepProfile? Profile, string? Fault) Once(
        BenchCase benchmark, IOperations operations, RankGroup? group, GpuTracer? tracer, (double BytesPerSecond, double FlopsPerSecond)? roofline,
        CancellationToken stop)
    {
        bool isTf32 = benchmark.Configuration.Training.Precision == Precision.Tf32;
        using var profiler = new OperationProfiler(operations, benchmark.Warmup, isTf32, tracer);
        using ProfiledCommunicator? collectives = group is null ? null : new ProfiledCommunicator(group.Collectives, profiler.Recorder);
        RankGroup? listened = collectives is null ? null : group! with { Collectives = collectives };
        profiler.Recorder.BeforeStep = group is null ? null : () => Align(operations.Device, group);
        BenchMeasurement measured = TrainingBenchmark.Run(benchmark with { Steps = 1 }, profiler.Operations, listened, stop);
        operations.Device.Synchronize();
        if (profiler.Recorder.Fault is { } fault)
        {
            return (null, fault);
        }

        return (new StepProfile(profiler.Recorder.Read(), profiler.TimeSource, measured.Batch, measured.StepSeconds.Median)
        {
            Timer = profiler.Timer,
            Collectives = profiler.Recorder.ReadCollectives(),
            Activities = profiler.Recorder.Activities,
            IsEstimate = profiler.Bandwidth is not null,
            BytesPerSecond = profiler.Bandwidth ?? roofline?.BytesPerSecond ?? MachinePeaks.MeasureBandwidth(operations),
            FlopsPerSecond = profiler.ProductThroughput ?? roofline?.FlopsPerSecond ?? MachinePeaks.MeasureFlops(operations),
        }, null);
    }

    /// <summary>Has the ranks begin together: else what the first waits for the last to finish the step before would pass for communication.</summary>
    private static void Align(Device device, RankGroup group)
    {
        device.Synchronize();
        group.Control.Barrier("the start of the profiled step");
    }
}
