using System.Collections.Generic;
using System.Threading;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>
/// The order that blocks of a launch make among themselves: a block that has fenced and then touches an address atomically releases
/// what it (and whom it has seen) wrote; one that touches the address atomically later has seen all of that.
/// </summary>
internal sealed class BlockOrder
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, HashSet<long>> _released = [];

    /// <summary>An atomic access of a block. It releases where a fence came before or the access itself is a release.</summary>
    internal void Touch(ulong address, ThreadBlock block, bool releases)
    {
        lock (_lock)
        {
            if (!_released.TryGetValue(address, out HashSet<long>? known))
            {
                if (!releases)
                {
                    return;
                }

                _released[address] = known = [];
            }

            block.Seen.UnionWith(known);
            if (releases)
            {
                known.Add(block.Linear);
                known.UnionWith(block.Seen);
            }
        }
    }
}
