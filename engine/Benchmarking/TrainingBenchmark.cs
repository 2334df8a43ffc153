using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Benchmarking;

/// <summary>Times training as a run does it: the same session, whose steps are timed from result to result.</summary>
public static class TrainingBenchmark
{
    private const ulong TokenSeed = 20_240_520;

    /// <summary>Trains a case and measures its steps.</summary>
    /// <param name="benchmark">The case.</param>
    /// <param name="operations">Where.</param>
    /// <param name="group">The ranks that train it together, each calling this; null for a process alone.</param>
    /// <param name="stop">Ends it after the step under way.</param>
    /// <exception cref="UserErrorException">The case cannot be trained; <see cref="IsOutOfMemory"/> tells whether for want of memory.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static BenchMeasurement Run(BenchCase benchmark, IOperations operations, RankGroup? group, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(benchmark);
        ArgumentNullException.ThrowIfNull(operations);
        RunConfiguration configuration = Configure(benchmark);
        BatchPlan batch = BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, benchmark.WorldSize);
        RequireMemory(configuration, batch, operations);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watch = new StepWatch(benchmark, end);
        using TrainingSession session = TrainingSession.Create(configuration, operations, new TrainingSessionOptions
        {
            Tokens = configuration.Data.Path is null ? Tokens(benchmark, batch) : null,
            Group = group,
            Observers = [watch],
        });
        session.Run(end.Token);
        stop.ThrowIfCancellationRequested();
        return new BenchMeasurement(
            batch, Quantiles.Of(CollectionsMarshal.AsSpan(watch.Seconds)), watch.Seconds.Count, watch.FirstStep, watch.Loss,
            Enum.GetValues<MemoryCategory>().ToDictionary(category => category, session.Memory.Plan.BytesOf),
            operations.Device.MemoryInfo is { } memory ? memory.Total - memory.Free : null);
    }

    /// <summary>Whether what was thrown means that memory did not suffice, so that a smaller case may still run.</summary>
    public static bool IsOutOfMemory(Exception thrown) => thrown switch
    {
        OutOfMemoryException => true,
        GpuException gpu => gpu.Code == "CUDA_ERROR_OUT_OF_MEMORY",
        UserErrorException { InnerException: { } inner } => IsOutOfMemory(inner),
        _ => false,
    };

    private static RunConfiguration Configure(BenchCase benchmark)
    {
        RunConfiguration configuration = benchmark.Configuration;
        return configuration with
        {
            Data = configuration.Data with { Order = Configuration.DataOrder.Sequential },
            Training = configuration.Training with
            {
                Steps = benchmark.Warmup + benchmark.Steps,
                EvalEvery = 0,
                SampleEvery = 0,
                CheckpointEvery = 0,
                MaxBadSteps = int.MaxValue,
            },
        };
    }

    private static SyntheticTokens Tokens(BenchCase benchmark, in BatchPlan batch)
    {
        RunConfiguration configuration = benchmark.Configuration;
        bool hasDocuments = benchmark.DocumentLength > 0 && configuration.Data.DocumentToken < configuration.Model.VocabSize;
        long count = checked((batch.AccBatchSize * ((long)benchmark.Warmup + benchmark.Steps)) + 1);
        return new SyntheticTokens(
            count, configuration.Model.VocabSize, hasDocuments ? configuration.Data.DocumentToken : -1, Math.Max(1, benchmark.DocumentLength),
            TokenSeed, isGeometric: true);
    }

    /// <summary>The system gives a process more than there is and ends it when it is used: where the host's memory is the device's, the plan is asked.</summary>
    private static void RequireMemory(RunConfiguration configuration, in BatchPlan batch, IOperations operations)
    {
        if (operations.Device.MemoryInfo is not null)
        {
            return;
        }

        long planned = new TrainingMemory(configuration.Model, operations, batch.MicroBatch, ActivationPolicy.KeepAll, samples: true).Plan.TotalBytes;
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (planned > available)
        {
            throw new UserErrorException(
                $"The plan takes {planned >> 20} MiB and this machine has {available >> 20} MiB. Take a smaller micro-batch or model.",
                ExitCode.Failed,
                new InsufficientMemoryException());
        }
    }

    /// <summary>Keeps the times of the steps after the warm-up, and ends the run when its time is up.</summary>
    private sealed class StepWatch(BenchCase benchmark, CancellationTokenSource end) : ITrainingObserver
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public List<double> Seconds { get; } = new(benchmark.Steps);

        public long FirstStep { get; private set; }

        public double Loss { get; private set; }

        public void OnStep(in StepReport report)
        {
            FirstStep = FirstStep == 0 ? Stopwatch.GetTimestamp() : FirstStep;
            Loss = report.Loss;
            if (report.Step > benchmark.Warmup)
            {
                Seconds.Add(report.Seconds);
            }

            if (Seconds.Count >= BenchCase.LeastSteps && Stopwatch.GetElapsedTime(_start).TotalSeconds > benchmark.MaxSeconds)
            {
                end.Cancel();
            }
        }
    }
}
