using System.Collections.Generic;
using System.Globalization;

namespace GptEngine.Engine.Scaling;

/// <summary>What the model takes as given of GPUs, links and networks. Bandwidths in bytes/s, times in seconds.</summary>
public sealed record ScalingAssumptions
{
    /// <summary>Largest fp16 rate of a GPU, FLOP/s.</summary>
    public double PeakFlops { get; init; } = 125e12;

    /// <summary>Of a GPU's memory, sustained.</summary>
    public double MemoryBandwidth { get; init; } = 0.8 * 900e9;

    /// <summary>Of one link in one direction, as collectives sustain it.</summary>
    public double LinkBandwidth { get; init; } = 20e9;

    /// <summary>Of a ring where links close none, over PCIe.</summary>
    public double PcieBandwidth { get; init; } = 10e9;

    /// <summary>Of the network between two hosts, all adapters together, as collectives sustain it.</summary>
    public double NetworkBandwidth { get; init; } = 40e9;

    /// <summary>From a GPU to the next, over a link.</summary>
    public double LinkLatency { get; init; } = 4e-6;

    /// <summary>From a host to the next.</summary>
    public double NetworkLatency { get; init; } = 14e-6;

    /// <summary>To start a collective.</summary>
    public double StartLatency { get; init; } = 10e-6;

    /// <summary>Of a ring's bandwidth, what a tree of hosts reaches.</summary>
    public double TreeShare { get; init; } = 0.9;

    /// <summary>By how much computation slows down while a collective runs: 12 of 80 multiprocessors copy.</summary>
    public double Slowdown { get; init; } = 12.0 / 80;

    /// <summary>Standard deviation of GPUs' speeds about their mean: clocks, temperature. All wait for the slowest.</summary>
    public double Spread { get; init; } = 0.016;

    /// <summary>Standard deviation of one micro-step's time about the GPU's mean. Averages out over a step's micro-steps.</summary>
    public double Jitter { get; init; } = 0.075;

    /// <summary>Bytes that the gradient norm and AdamW move for a parameter: gradient twice, master and two moments in and out, fp16 copy out.</summary>
    public double UpdateBytes { get; init; } = 34;

    public NodeTopology Node { get; init; } = NodeTopology.Dgx1;

    /// <summary>The assumptions for people, each with where it is from.</summary>
    public IReadOnlyList<(string Name, string Value, string Source)> Lines() =>
    [
        ("peak", Text($"{PeakFlops / 1e12:0} TFLOP/s"), "V100 data sheet, fp16 tensor cores, fp32 sums"),
        ("memory", Text($"{MemoryBandwidth / 1e9:0} GB/s"), "80 % of the data sheet's 900"),
        ("NVLink", Text($"{LinkBandwidth / 1e9:0} GB/s a link and direction"), "25 by data sheet; 20 is what NCCL itself reckons with for sm_70"),
        ("DGX-1 rings", Text($"{Node.RingCount(8)} × {LinkBandwidth / 1e9:0} = {Node.RingCount(8) * LinkBandwidth / 1e9:0} GB/s over 8 GPUs"), "counted in the hybrid cube mesh"),
        ("PCIe ring", Text($"{PcieBandwidth / 1e9:0} GB/s"), "gen 3 × 16, where the GPUs chosen close no ring over NVLink"),
        ("InfiniBand", Text($"{NetworkBandwidth / 1e9:0} GB/s between hosts"), "4 × EDR at 12.5; NCCL's makers show about 40 between DGX-1 (GTC 2017, S7155)"),
        ("latency", Text($"{LinkLatency * 1e6:0} µs NVLink, {NetworkLatency * 1e6:0} µs network, {StartLatency * 1e6:0} µs to start"), "the order that NCCL's tuning table has"),
        ("slow-down", Text($"{Slowdown:P0} while a collective runs"), "its 12 blocks of 80 multiprocessors"),
        ("spread", Text($"{Spread:P1} between GPUs"), "fitted to BERT-Large on a DGX-1, 64 and 256 micro-steps a step (below)"),
        ("jitter", Text($"{Jitter:P1} of a micro-step"), "fitted to Transformer-XL base on a DGX-1, no accumulation (below); launched kernel by kernel from Python: a captured step should have less"),
        ("buckets", "training.bucket_bytes of fp32 gradients", "cut as the program cuts them, each summed when the last micro-step's backward pass has finished it"),
        ("update", Text($"{UpdateBytes:0} bytes a parameter"), "gradient norm and AdamW"),
        ("gathering", "fp16 weights, bucket by bucket", "where the optimizer is sharded: what is read first while the rest is updated, the rest in the next micro-step's forward pass"),
    ];

    private static string Text(System.FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
