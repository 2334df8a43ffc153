using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;

namespace GptEngine.Engine.Scaling;

/// <summary>What the model says of one configuration, from one GPU to many hosts.</summary>
public sealed record ScalingTable
{
    private static readonly int[] Nodes = [2, 4, 8, 16, 32, 64, 128];

    public required string Name { get; init; }

    /// <summary>Of a rank, in sequences.</summary>
    public required int MicroBatch { get; init; }

    public required int ContextLength { get; init; }

    /// <summary>Share of the peak that a GPU alone is assumed to reach.</summary>
    public required double Utilisation { get; init; }

    public required string UtilisationSource { get; init; }

    public required double MicroStepSeconds { get; init; }

    public required IReadOnlyList<ScalingRow> Rows { get; init; }

    /// <summary>A whole host at the preset's batch, over one GPU with that batch.</summary>
    public required double HostEfficiency { get; init; }

    /// <summary>The same with <c>training.shard_optimizer</c>.</summary>
    public required double HostShardedEfficiency { get; init; }

    /// <summary>The largest jitter at which a whole host still reaches 95 %; null where none does.</summary>
    public required double? JitterFor95 { get; init; }

    /// <summary>The least ring bandwidth, bytes/s, at which it does; null where none does.</summary>
    public required double? RingFor95 { get; init; }

    /// <summary>The table of a configuration at its own batch.</summary>
    /// <param name="name">The preset.</param>
    /// <param name="configuration">What it holds.</param>
    /// <param name="utilisation">Share of the peak.</param>
    /// <param name="source">Where that is from.</param>
    /// <param name="assumptions">All the rest.</param>
    public static ScalingTable Of(string name, RunConfiguration configuration, double utilisation, string source, ScalingAssumptions assumptions)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(assumptions);
        int context = configuration.Model.ContextLength;
        int microBatch = BatchPlan.Resolve(configuration.Training, context, worldSize: 1).MicroBatch;
        long tokensWanted = configuration.Training.AccBatchSize ?? (long)microBatch * context;
        int host = assumptions.Node.GpuCount;
        ScalingWorkload onHost = ScalingWorkload.Of(name, configuration, host, utilisation, assumptions);
        int hostMicroSteps = MicroSteps(tokensWanted, microBatch, context, host);
        var model = new ScalingModel(assumptions);

        ScalingRow Row(int ranks)
        {
            ScalingWorkload workload = ScalingWorkload.Of(name, configuration, ranks, utilisation, assumptions);

            // Beyond one host the batch grows with the hosts: each rank does as much as on one.
            int microSteps = ranks <= host ? MicroSteps(tokensWanted, microBatch, context, ranks) : hostMicroSteps;
            StepPrediction step = model.Predict(workload, ranks, microSteps, sharded: false);
            double tokens = (double)microSteps * microBatch * context * ranks;
            bool fits = (long)microBatch * context * ranks <= tokensWanted;
            int same = MicroSteps(tokensWanted, microBatch, context, ranks);
            return new ScalingRow(
                ranks, Math.Max(1, ranks / host), microSteps, tokens, step.StepSeconds, tokens / step.StepSeconds, step.WaitingSeconds, step.ExposedSeconds,
                step.Efficiency, model.Predict(workload, ranks, microSteps, sharded: true).Efficiency,
                fits ? SameBatch(model, workload, ranks, same, sharded: false) : null, fits ? SameBatch(model, workload, ranks, same, sharded: true) : null,
                step.RingBandwidth / 1e9);
        }

        return new ScalingTable
        {
            Name = name,
            MicroBatch = microBatch,
            ContextLength = context,
            Utilisation = utilisation,
            UtilisationSource = source,
            MicroStepSeconds = onHost.MicroStepSeconds,
            Rows = [.. Enumerable.Range(1, host).Concat(Nodes.Select(nodes => nodes * host)).Select(Row)],
            HostEfficiency = SameBatch(model, onHost, host, hostMicroSteps, sharded: false),
            HostShardedEfficiency = SameBatch(model, onHost, host, hostMicroSteps, sharded: true),
            JitterFor95 = Largest(jitter => At(assumptions with { Jitter = jitter }), 0, 0.5),
            RingFor95 = Largest(slowness => At(assumptions with { LinkBandwidth = 1 / slowness }), 1e-12, 1e-6) is { } slowest
                ? assumptions.Node.RingCount(host) / slowest
                : null,
        };

        double At(ScalingAssumptions changed) =>
            SameBatch(new ScalingModel(changed), onHost, host, hostMicroSteps, sharded: false);
    }

    // Time a token of one GPU with all of the batch, over that of W ranks with their parts of it.
    private static double SameBatch(ScalingModel model, ScalingWorkload workload, int ranks, int microSteps, bool sharded)
    {
        StepPrediction one = model.Predict(workload, 1, (double)microSteps * ranks, sharded: false);
        return one.StepSeconds / (ranks * model.Predict(workload, ranks, microSteps, sharded).StepSeconds);
    }

    private static int MicroSteps(long tokens, int microBatch, int context, int ranks) =>
        (int)Math.Max(1, tokens / ((long)microBatch * context * ranks));

    /// <summary>The largest value at which a falling efficiency is still 95 %, by bisection.</summary>
    private static double? Largest(Func<double, double> efficiency, double low, double high)
    {
        const double Wanted = 0.95;
        if (efficiency(low) < Wanted)
        {
            return null;
        }

        for (int i = 0; i < 60; i++)
        {
            double middle = low > 0 ? Math.Sqrt(low * high) : (low + high) / 2;
            (low, high) = efficiency(middle) >= Wanted ? (middle, high) : (low, middle);
        }

        return low;
    }
}
