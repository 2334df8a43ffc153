using System.Collections.Generic;

namespace GptEngine.Engine.Benchmarking;

/// <summary>A table of peaks as a file holds it.</summary>
public sealed record PeakFile
{
    public required IReadOnlyList<PeakEntry> Gpus { get; init; }
}
