using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>Gathers the findings of a launch from all host threads: one for each pair of places and kind, the lowest block's.</summary>
internal sealed class FindingCollector
{
    private const int Maximum = 100;
    private readonly Lock _lock = new();
    private readonly Dictionary<(FindingKind Kind, int Site, int OtherSite), (long Block, Finding Finding)> _found = [];

    internal bool IsEmpty => _found.Count == 0;

    internal void Add(Finding finding, int site, int otherSite, long block)
    {
        lock (_lock)
        {
            (FindingKind, int, int) key = (finding.Kind, site, otherSite);
            if (_found.TryGetValue(key, out (long Block, Finding Finding) known) ? block < known.Block : _found.Count < Maximum)
            {
                _found[key] = (block, finding);
            }
        }
    }

    /// <summary>Whether this is already known for this block or an earlier one, so that the message need not be made again.</summary>
    internal bool Has(FindingKind kind, int site, int otherSite, long block)
    {
        lock (_lock)
        {
            return _found.TryGetValue((kind, site, otherSite), out (long Block, Finding Finding) known) && known.Block <= block;
        }
    }

    /// <summary>In the order of blocks, then of places.</summary>
    internal IReadOnlyList<Finding> ToList()
    {
        lock (_lock)
        {
            return [.. _found.OrderBy(f => f.Value.Block).ThenBy(f => f.Key.Site).ThenBy(f => f.Key.OtherSite).Select(f => f.Value.Finding)];
        }
    }
}
