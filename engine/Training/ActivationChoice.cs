using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;

namespace GptEngine.Engine.Training;

/// <summary>What a run keeps for its backward pass: as <c>training.recompute</c> says, or the cheapest that fits the device.</summary>
/// <param name="Policy">What is kept.</param>
/// <param name="Note">For the log where it was chosen, and is not everything; else null.</param>
public sealed record ActivationChoice(ActivationPolicy Policy, string? Note)
{
    private const double Gibibyte = 1L << 30;
    private const double Mebibyte = 1L << 20;

    /// <summary>Chooses. Plans the memory of each policy in turn, from that which computes nothing twice; takes none.</summary>
    /// <param name="configuration">Of the run.</param>
    /// <param name="microBatch">Sequences of one rank in a micro-step.</param>
    /// <param name="operations">Whose device is asked what it has.</param>
    /// <param name="layout">The ranks of the run; null for a process alone.</param>
    /// <exception cref="UserErrorException">What was asked for does not fit, or nothing does; says what each would take and what there is.</exception>
    public static ActivationChoice For(RunConfiguration configuration, int microBatch, IOperations operations, RankLayout? layout)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(operations);
        Recomputation asked = configuration.Training.Recompute;
        ActivationPolicy[] policies = asked == Recomputation.Auto ? Enum.GetValues<ActivationPolicy>() : [PolicyOf(asked)];
        if (operations.Device.PlannableBytes is not { } plannable)
        {
            return new ActivationChoice(policies[0], null);
        }

        var needs = new List<(ActivationPolicy Policy, long Bytes)>();
        foreach (ActivationPolicy policy in policies)
        {
            long bytes = new TrainingMemory(configuration.Model, operations, microBatch, policy, samples: true, layout).Plan.TotalBytes;
            needs.Add((policy, bytes));
            if (bytes <= plannable)
            {
                return new ActivationChoice(policy, needs.Count > 1 ? Explain(needs, plannable, operations) : null);
            }
        }

        string ways = string.Join(", ", needs.Select(need => $"{Size(need.Bytes)} with {Describe(need.Policy)}"));
        string more = asked == Recomputation.Auto ? "" : " training.recompute \"auto\" takes what fits.";
        throw new UserErrorException(
            $"{operations.Device.Name} can give this run {Size(plannable)}, and it needs {ways}, at a micro-batch of {microBatch}.{more} "
            + "Take a smaller training.micro_batch or model, or free the GPU.");
    }

    /// <summary>
    /// Chooses with all ranks of a run: what one of them must compute again all do, or it would keep the others waiting. Every rank calls it.
    /// The note is rank 0's alone, which says it for all.
    /// </summary>
    /// <param name="configuration">As for <see cref="For"/>, as are the next three.</param>
    /// <param name="microBatch">Sequences.</param>
    /// <param name="operations">This rank's.</param>
    /// <param name="layout">The ranks.</param>
    /// <param name="ranks">Who agree.</param>
    /// <exception cref="UserErrorException">It does not fit a rank: named, on every rank.</exception>
    internal static ActivationChoice Agreed(RunConfiguration configuration, int microBatch, IOperations operations, RankLayout? layout, RankAgreement ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ActivationChoice? own = null;
        long[] policies = ranks.OfAll("what is computed again", () => (long)(own = For(configuration, microBatch, operations, layout)).Policy);
        long[] given = ranks.OfAll("the memory of devices", () => operations.Device.PlannableBytes ?? long.MaxValue);
        int leader = Array.IndexOf(policies, policies.Max());
        var policy = (ActivationPolicy)policies[leader];
        if (!Enum.IsDefined(policy))
        {
            throw new UserErrorException($"Rank {leader} would compute again what this rank does not know ({policies[leader]}). Start all ranks with the same program.");
        }

        string? note = own!.Policy == policy
            ? own.Note
            : $"Memory: {Describe(policy)}, on all ranks as on rank {leader}, whose device can give {Size(given[leader])}; the plan here, with {Describe(own.Policy)}, "
                + $"would fit in {Size(given[ranks.Rank])}.";
        return new ActivationChoice(policy, ranks.IsFirst ? note : null);
    }

    private static string Explain(List<(ActivationPolicy Policy, long Bytes)> needs, long plannable, IOperations operations) =>
        $"Memory: {Describe(needs[^1].Policy)}, {Size(needs[^1].Bytes)} in all; {Describe(needs[0].Policy)} would take {Size(needs[0].Bytes)}, "
        + $"and {operations.Device.Name} can give {Size(plannable)}.";

    private static ActivationPolicy PolicyOf(Recomputation asked) => asked switch
    {
        Recomputation.Norms => ActivationPolicy.RecomputeNorms,
        Recomputation.Blocks => ActivationPolicy.RecomputeBlocks,
        _ => ActivationPolicy.KeepAll,
    };

    private static string Describe(ActivationPolicy policy) => policy switch
    {
        ActivationPolicy.RecomputeNorms => "the norms computed again",
        ActivationPolicy.RecomputeBlocks => "whole blocks computed again",
        _ => "everything kept",
    };

    private static string Size(long bytes) => bytes >= Gibibyte
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / Gibibyte:0.00} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / Mebibyte:0.00} MiB");
}
