using System.Collections.Generic;

namespace GptEngine.Engine.Benchmarking;

/// <summary>A kind of GPU in a table of peaks.</summary>
public sealed record PeakEntry
{
    /// <summary>Names that its driver gives, whole.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Dense rates.</summary>
    public required PeakRates Tflops { get; init; }

    /// <summary>GB/s of device memory; null where not known.</summary>
    public double? BandwidthGbs { get; init; }

    /// <summary>Where the figures stand.</summary>
    public string? Source { get; init; }
}
