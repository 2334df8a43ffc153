using System;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Tests.Training;

namespace GptEngine.Tests.Ranks;

/// <summary>Small runs of several ranks, each a thread with a device of its own.</summary>
internal static class RankedRuns
{
    /// <summary>56 sequences a micro-step, which 1, 2, 4, 7 and 8 ranks divide, twice a step; buckets of a few kilobytes.</summary>
    public static RunConfiguration Small { get; } = TestRuns.Small with
    {
        Training = TestRuns.Small.Training with
        {
            MicroBatch = null,
            BatchSize = 56,
            AccBatchSize = 2 * 56 * 16,
            Steps = 6,
            BucketBytes = 8192,
            EvalBatches = 1,
        },
    };

    public static SyntheticTokens Tokens { get; } = new(20_000, TestRuns.Vocabulary, documentToken: 3, documentLength: 11, seed: 5);

    /// <summary>The same with every rank's part of the optimizer on that rank alone, or not.</summary>
    public static RunConfiguration Sharded(this RunConfiguration configuration, bool isSharded = true) =>
        configuration with { Training = configuration.Training with { ShardOptimizer = isSharded } };

    public static RunConfiguration Steps(this RunConfiguration configuration, long steps, int checkpointEvery = 0) =>
        configuration with { Training = configuration.Training with { Steps = steps, CheckpointEvery = checkpointEvery } };

    /// <summary>A process alone.</summary>
    public static RecordingObserver Alone(RunConfiguration configuration, string? folder = null, bool resume = false)
    {
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        var observer = new RecordingObserver();
        Train(configuration, operations, Options(null, observer, folder, resume));
        return observer;
    }

    /// <summary>Ranks on the CPU; what each of them heard.</summary>
    /// <param name="worldSize">How many.</param>
    /// <param name="configuration">Of all of them.</param>
    /// <param name="folder">The run folder; null for none.</param>
    /// <param name="resume">Whether to go on from it.</param>
    /// <param name="change">Changes a rank's options.</param>
    /// <param name="wrap">Changes a rank's operations.</param>
    /// <param name="stop">Asks a rank to stop.</param>
    /// <param name="collectives">Makes a rank's communicator in place of the usual one.</param>
    public static RecordingObserver[] Run(
        int worldSize, RunConfiguration configuration, string? folder = null, bool resume = false,
        Func<int, TrainingSessionOptions, TrainingSessionOptions>? change = null, Func<int, IOperations, IOperations>? wrap = null,
        Func<int, CancellationToken>? stop = null, Func<RankGroup, Device, Communicator>? collectives = null)
    {
        var observers = new RecordingObserver[worldSize];
        LocalRanks.Run(worldSize, _ => new CpuDevice(1), (usual, device) =>
        {
            using Communicator? unusual = collectives?.Invoke(usual, device);
            RankGroup group = unusual is null ? usual : usual with { Collectives = unusual };
            IOperations operations = CpuOperations.Create((CpuDevice)device);
            using var owned = (IDisposable)operations;
            observers[group.Rank] = new RecordingObserver();
            TrainingSessionOptions options = Options(group, observers[group.Rank], folder, resume);
            Train(
                configuration, wrap?.Invoke(group.Rank, operations) ?? operations, change?.Invoke(group.Rank, options) ?? options,
                stop?.Invoke(group.Rank) ?? default);
        });
        return observers;
    }

    public static TrainingSessionOptions Options(RankGroup? group, RecordingObserver observer, string? folder, bool resume) => new()
    {
        Group = group,
        RunFolder = folder,
        Resume = resume,
        Tokens = Tokens,
        ValidationTokens = Tokens,
        SamplePrompt = [5, 9],
        SampleTokens = 8,
        Observers = [observer],
    };

    public static void Train(RunConfiguration configuration, IOperations operations, TrainingSessionOptions options, CancellationToken stop = default)
    {
        using TrainingSession session = TrainingSession.Create(configuration, operations, options);
        session.Run(stop);
    }
}
