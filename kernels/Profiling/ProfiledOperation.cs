using System.Collections.Generic;

namespace GptEngine.Kernels.Profiling;

/// <summary>A call of an operation in a profile.</summary>
/// <param name="Name">For people: <c>layer norm forward</c>.</param>
/// <param name="Detail">What tells calls of other shapes apart; empty where nothing does.</param>
/// <param name="Costs">Its parts by their own statement.</param>
/// <param name="Range">The innermost named stretch that it is in; null for none.</param>
/// <param name="Segment">Calls of another segment follow a wait that is the profile's own.</param>
/// <param name="Launches">What it enqueued, in order; on a device that runs it at once, the call itself.</param>
public sealed record ProfiledOperation(
    string Name, string Detail, IReadOnlyList<CostPart> Costs, ProfiledRange? Range, int Segment, IReadOnlyList<ProfiledLaunch> Launches);
