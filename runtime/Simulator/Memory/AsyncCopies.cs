using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>
/// The cp.async copies of a warp's lanes. What a copy brings is held back until its group is waited for: whoever reads the destination
/// before finds bytes that are under way, as on the hardware.
/// </summary>
internal sealed class AsyncCopies
{
    /// <summary>One lane's copy: where to, what, and which instruction.</summary>
    internal readonly record struct Copy(int Lane, int Offset, int Bytes, ulong Low, ulong High, int Site);

    private readonly List<Copy>[] _open = new List<Copy>[Execution.Warp.Lanes];
    private readonly Queue<List<Copy>>[] _groups = new Queue<List<Copy>>[Execution.Warp.Lanes];

    internal AsyncCopies()
    {
        for (int lane = 0; lane < Execution.Warp.Lanes; lane++)
        {
            _open[lane] = [];
            _groups[lane] = new Queue<List<Copy>>();
        }
    }

    internal void Add(Copy copy) => _open[copy.Lane].Add(copy);

    /// <summary>Closes the lane's group, empty or not.</summary>
    internal void Commit(int lane)
    {
        _groups[lane].Enqueue(_open[lane]);
        _open[lane] = [];
    }

    /// <summary>The next group that must be whole where all but the latest <paramref name="pending"/> are; null when none is left.</summary>
    internal List<Copy>? TakeCompleted(int lane, int pending) => _groups[lane].Count > pending ? _groups[lane].Dequeue() : null;

    /// <summary>Copies in no group yet.</summary>
    internal List<Copy> TakeOpen(int lane)
    {
        List<Copy> open = _open[lane];
        _open[lane] = [];
        return open;
    }

    internal void Clear()
    {
        for (int lane = 0; lane < Execution.Warp.Lanes; lane++)
        {
            _open[lane].Clear();
            _groups[lane].Clear();
        }
    }
}
