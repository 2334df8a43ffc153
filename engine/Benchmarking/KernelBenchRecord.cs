using System.Collections.Generic;

namespace GptEngine.Engine.Benchmarking;

/// <summary>A row of the kernel benchmarks as its JSON has it: one object a line, null for what is not known.</summary>
public sealed record KernelBenchRecord
{
    public string Kind { get; } = "kernel";

    public required string Operation { get; init; }

    public string Implementation { get; } = "gpt";

    public required IReadOnlyDictionary<string, int> Shape { get; init; }

    public required string Type { get; init; }

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>sim</c>.</summary>
    public required string Device { get; init; }

    public required string DeviceName { get; init; }

    /// <summary>Of the CPU; null elsewhere.</summary>
    public required int? Threads { get; init; }

    /// <summary>Seconds a call; null on a simulated GPU.</summary>
    public Quantiles? Seconds { get; init; }

    public int? Samples { get; init; }

    public int? CallsPerSample { get; init; }

    /// <summary>Sets of operands that the calls took in turn.</summary>
    public int? Sets { get; init; }

    /// <summary>Least bytes of a call, by the operation's own statement.</summary>
    public required long Bytes { get; init; }

    /// <summary>Least operations of a call.</summary>
    public required long Flops { get; init; }

    /// <summary>The least time: the longer of bytes over copy rate and operations over matrix rate; both measured here, or a data sheet's on a simulated GPU.</summary>
    public required double FloorSeconds { get; init; }

    /// <summary><c>memory</c> or <c>arithmetic</c>: which of the two the floor is.</summary>
    public required string Bound { get; init; }

    public required double CopyBytesPerSecond { get; init; }

    public required double MatmulFlopsPerSecond { get; init; }

    /// <summary>On a simulated GPU: the data sheet's roofline of what was counted.</summary>
    public double? EstimateSeconds { get; init; }

    public KernelBenchCounters? Counters { get; init; }

    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    public required string Command { get; init; }

    /// <summary>The record as JSON, in one line.</summary>
    public string ToJson() => BenchJson.Line(this);
}
