using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Engine.Profiling;

/// <summary>A recorded step, and what it is held against.</summary>
/// <param name="Operations">What was called and launched, in order.</param>
/// <param name="TimeSource">How times are known.</param>
/// <param name="Batch">How the step was cut.</param>
/// <param name="HostSeconds">The whole step by the host's clock, the profile's own work included.</param>
public sealed record StepProfile(IReadOnlyList<ProfiledOperation> Operations, string TimeSource, BatchPlan Batch, double HostSeconds)
{
    /// <summary>The same in a word: <c>CUPTI</c>, <c>events</c>, <c>host</c>, <c>data sheet</c>.</summary>
    public required string Timer { get; init; }

    /// <summary>Why a GPU's own records were not taken though they were wanted: a sentence or two; else null.</summary>
    public string? TimerNote { get; init; }

    /// <summary>How the records agree with events; null where only one of the two was taken.</summary>
    public TimerAgreement? Agreement { get; init; }

    /// <summary>What the GPU itself recorded of the step, in the order in which it began; nothing where it did not.</summary>
    public IReadOnlyList<GpuActivity> Activities { get; init; } = [];

    /// <summary>Whether times are a simulated GPU's rooflines.</summary>
    public required bool IsEstimate { get; init; }

    /// <summary>Memory's rate: measured, or a simulated GPU's data sheet's.</summary>
    public required double BytesPerSecond { get; init; }

    /// <summary>Large matrix products' rate in the step's precision, known in the same way.</summary>
    public required double FlopsPerSecond { get; init; }

    /// <summary>Collectives of the step, in order; none in a process alone.</summary>
    public IReadOnlyList<ProfiledCollective> Collectives { get; init; } = [];

    /// <summary>How collectives lie beside work; null where there are none.</summary>
    public CommunicationOverlap? Overlap => Collectives.Count == 0 ? null : CommunicationOverlap.Of(this);

    /// <summary>
    /// Rows of the table of kernels: one a product kind, and one for each part of an operation that kernels share. Waiting for ranks is no work
    /// and has none.
    /// </summary>
    public IReadOnlyList<ProfileRow> Rows(ProfileOrder order = ProfileOrder.Time)
    {
        IEnumerable<ProfileRow> rows = Operations.SelectMany(operation => operation.Launches.Select(launch => new Piece(operation, launch)))
            .Where(piece => !ProfiledCommunicator.IsWait(piece.Launch))
            .GroupBy(piece => piece.Key).Select(Row).OrderByDescending(row => row.Seconds);
        return order switch
        {
            ProfileOrder.Calls => [.. rows.OrderByDescending(row => row.Calls)],
            ProfileOrder.Bytes => [.. rows.OrderByDescending(row => row.Cost?.Bytes ?? 0)],
            ProfileOrder.Flops => [.. rows.OrderByDescending(row => row.Cost?.Flops ?? 0)],
            ProfileOrder.Roofline => [.. rows.OrderByDescending(row => row.Cost is null ? 0 : row.Seconds * (1 - Roofline(row)))],
            ProfileOrder.Name => [.. rows.OrderBy(row => row.Name, StringComparer.Ordinal)],
            _ => [.. rows],
        };
    }

    /// <summary>Least time over time, 0 to 1; more than 1 where caches serve what memory need not. 0 where nothing is stated.</summary>
    public double Roofline(ProfileRow row) =>
        row is { Cost: { } cost, Seconds: > 0 } ? cost.Seconds(BytesPerSecond, FlopsPerSecond) / row.Seconds : 0;

    /// <summary>
    /// Whether a row's time is what a model says and not made of counts: the roofline itself, for what the row states, so that holding it against
    /// the roofline says nothing. On a simulated GPU so are the products, fills and copies of its libraries.
    /// </summary>
    public bool IsModelled(ProfileRow row) => IsEstimate && row is { Counters: null, Cost: not null };

    private static ProfileRow Row(IGrouping<(string Name, string Part), Piece> group)
    {
        // A part's cost is its operation's, once a call, however many kernels share it.
        KernelCost cost = group.Where(piece => piece.Launch.Cost is not null).Aggregate(default(KernelCost), (sum, piece) => sum + piece.Launch.Cost!.Value);
        foreach (ProfiledOperation operation in group.Where(piece => piece.Launch.Cost is null).Select(piece => piece.Operation).Distinct())
        {
            cost = operation.Costs.Where(part => part.Part == group.Key.Part).Aggregate(cost, (sum, part) => sum + part.Cost);
        }

        ProfileRow[] kernels = [.. group.GroupBy(piece => piece.Launch.Name).Select(Kernel).OrderByDescending(kernel => kernel.Seconds)];
        string operations = string.Join(", ", group.Select(piece => piece.Operation.Name).Distinct());
        bool isStated = cost != default;
        return kernels.Length == 1
            ? kernels[0] with { Name = group.Key.Part.Length == 0 ? group.Key.Name : kernels[0].Name, Operation = operations, Cost = isStated ? cost : null }
            : new ProfileRow(
                group.Key.Name, operations, group.Select(piece => piece.Operation).Distinct().Count(), group.Sum(piece => piece.Launch.Seconds),
                isStated ? cost : null, Sum(group), kernels);
    }

    private static ProfileRow Kernel(IGrouping<string, Piece> group)
    {
        GpuActivity[] recorded = [.. group.SelectMany(piece => piece.Launch.Activities)];

        // What a library has launched for a product stands under it; a kernel of our own is its row itself.
        ProfileRow[] kernels = group.Any(piece => piece.Launch.Shape is not null)
            ? []
            : [.. recorded.Where(activity => activity.Kind == GpuActivityKind.Kernel).GroupBy(activity => activity.Name).Select(Recorded).OrderByDescending(row => row.Seconds)];
        return new ProfileRow(group.Key, "", group.Count(), group.Sum(piece => piece.Launch.Seconds), null, Sum(group), kernels)
        {
            Recorded = recorded is [{ Kind: GpuActivityKind.Kernel } first, ..] && kernels.Length == 0 ? first : null,
        };
    }

    private static ProfileRow Recorded(IGrouping<string, GpuActivity> group) =>
        new(group.Key, "", group.Count(), group.Sum(activity => activity.End - activity.Start) * 1e-9, null, null, []) { Recorded = group.First() };

    private static LaunchCounters? Sum(IEnumerable<Piece> pieces) =>
        pieces.Select(piece => piece.Launch.Counters).OfType<LaunchCounters>().ToArray() is { Length: > 0 } counters ? LaunchCounters.Sum(counters) : null;

    private readonly record struct Piece(ProfiledOperation Operation, ProfiledLaunch Launch)
    {
        /// <summary>What states its own cost stands by its name, what shares one by its operation's part.</summary>
        public (string Name, string Part) Key => Launch switch
        {
            { Part.Length: 0 } => ($"{Operation.Name} {Operation.Detail}".TrimEnd(), ""),
            { Cost: not null } => (Launch.Name, Launch.Part),
            { Part: OperationCosts.BiasGradient } => ("bias gradient", Launch.Part),
            _ => (Operation.Name, Launch.Part),
        };
    }
}
