using System;
using GptEngine.Runtime.Simulator.Checks;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>How the simulated GPU runs.</summary>
public sealed record SimulatorOptions
{
    /// <summary>What each launch looks for; fewer checks run faster.</summary>
    public SimulatorChecks Checks { get; init; } = SimulatorChecks.All;

    /// <summary>Host threads that blocks are spread over. Results and counters do not depend on it.</summary>
    public int HostThreads { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether a launch with findings throws; otherwise they gather in <see cref="SimulatedDriver.Launches"/>.</summary>
    public bool ThrowOnFinding { get; init; } = true;

    /// <summary>When streams do their work; other than at once, what is not ordered by events runs in an unlucky order.</summary>
    public StreamOrder Order { get; init; } = StreamOrder.AtOnce;

    /// <summary>Whether the report of every launch is kept. A training run of many thousand launches does not want that.</summary>
    public bool KeepReports { get; init; }
}
