using System;
using System.Numerics;

namespace GptEngine.Engine.Scaling;

/// <summary>
/// How long collectives take among the ranks of some hosts. A ring moves (W−1)/W of the bytes for each of its two halves, in W−1 steps each;
/// a tree of hosts has log₂ as many steps and somewhat less bandwidth: sums take the faster of the two, as NCCL does; scatter and gather
/// have rings alone.
/// </summary>
public sealed class CollectiveTimes
{
    private readonly ScalingAssumptions _assumptions;
    private readonly int _ranks;
    private readonly int _nodes;
    private readonly int _ranksPerNode;

    /// <param name="assumptions">Bandwidths and latencies.</param>
    /// <param name="ranks">W: up to a host's GPUs, or a multiple of them.</param>
    public CollectiveTimes(ScalingAssumptions assumptions, int ranks)
    {
        ArgumentNullException.ThrowIfNull(assumptions);
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        _assumptions = assumptions;
        _ranks = ranks;
        _nodes = Math.Max(1, ranks / assumptions.Node.GpuCount);
        _ranksPerNode = ranks / _nodes;
        int rings = _ranksPerNode > 1 ? assumptions.Node.RingCount(_ranksPerNode) : 0;
        double inside = rings > 0 ? rings * assumptions.LinkBandwidth : assumptions.PcieBandwidth;
        RingBandwidth = ranks == 1 ? double.PositiveInfinity : _nodes > 1 ? Math.Min(inside, assumptions.NetworkBandwidth) : inside;
    }

    /// <summary>Bytes/s that pass each rank on a ring: NCCL's "bus bandwidth".</summary>
    public double RingBandwidth { get; }

    /// <summary>Sum over all ranks, on all ranks.</summary>
    public double AllReduce(double bytes) => _ranks == 1 ? 0 : _assumptions.StartLatency + Math.Min(
        2 * Half(bytes),
        TreeLatency + (2 * Share(bytes) / (_assumptions.TreeShare * RingBandwidth)));

    /// <summary>Sums, each rank's part of them on that rank; or the parts of all, on all ranks.</summary>
    /// <param name="bytes">Of the whole.</param>
    public double ScatterOrGather(double bytes) => _ranks == 1 ? 0 : _assumptions.StartLatency + Half(bytes);

    // Of W−1 steps of a ring, one a host crosses the network.
    private double Half(double bytes) =>
        (Share(bytes) / RingBandwidth) + (_nodes > 1 ? _nodes * _assumptions.NetworkLatency : 0)
        + ((_ranks - 1 - (_nodes > 1 ? _nodes : 0)) * _assumptions.LinkLatency);

    private double Share(double bytes) => bytes * (_ranks - 1) / _ranks;

    private double TreeLatency => 2 * (
        (BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)_nodes)) * _assumptions.NetworkLatency) + ((_ranksPerNode - 1) * _assumptions.LinkLatency));
}
