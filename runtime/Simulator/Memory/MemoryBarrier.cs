using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>An mbarrier object while its phases go round.</summary>
internal sealed class MemoryBarrier
{
    /// <summary>Arrivals that a phase needs.</summary>
    internal int Count { get; set; }

    /// <summary>Arrivals still missing in this phase.</summary>
    internal int Pending { get; set; }

    /// <summary>Bytes that this phase still expects of asynchronous copies.</summary>
    internal long PendingBytes { get; set; }

    /// <summary>Phases completed so far.</summary>
    internal int Phase { get; set; }

    /// <summary>What those that arrived had seen; handed over to those that wait once the phase is complete.</summary>
    internal uint[] Arriving { get; } = Execution.BlockClock.New();

    internal uint[] Completed { get; } = Execution.BlockClock.New();

    /// <summary>Bulk copies that complete here, as late as somebody waits.</summary>
    internal Queue<BulkCopy> Copies { get; } = new();

    /// <summary>Ends the phase where nothing is missing.</summary>
    internal void CompleteIfDue()
    {
        if (Pending == 0 && PendingBytes == 0)
        {
            Pending = Count;
            Phase++;
            Execution.BlockClock.Join(Completed, Arriving);
        }
    }
}
