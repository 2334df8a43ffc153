using System;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>One of the sixteen barriers of a block while threads arrive at it.</summary>
internal sealed class NamedBarrier
{
    /// <summary>Lanes of each warp that have arrived.</summary>
    internal uint[] Arrived { get; } = new uint[Warp.Lanes];

    /// <summary>Threads that it waits for, from the first to arrive; 0 while nobody has.</summary>
    internal int Expected { get; set; }

    /// <summary>The instruction of the first to arrive.</summary>
    internal int Site { get; set; }

    /// <summary>Of bar.red: how many threads' predicates were true, and of how many.</summary>
    internal int TrueCount { get; set; }

    internal int PredicateCount { get; set; }

    /// <summary>Latest time that an arriving warp had seen of each warp: what those that wait then have seen too.</summary>
    internal uint[] Clock { get; } = BlockClock.New();

    internal void Clear()
    {
        Array.Clear(Arrived);
        Array.Clear(Clock);
        Expected = 0;
        TrueCount = 0;
        PredicateCount = 0;
    }
}
