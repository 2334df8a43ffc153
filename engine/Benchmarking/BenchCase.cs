using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Benchmarking;

/// <summary>One row of a benchmark: what is trained, and for how long.</summary>
/// <param name="Configuration">Batch, precision and all; its steps, intervals and data order are not used.</param>
/// <param name="Steps">Measured steps at most.</param>
/// <param name="Warmup">Steps before them.</param>
/// <param name="MaxSeconds">After so long no further step is begun, once <see cref="LeastSteps"/> are measured.</param>
/// <param name="DocumentLength">Mean length of the synthetic documents, in tokens; 0 for one document without end.</param>
public sealed record BenchCase(RunConfiguration Configuration, int Steps, int Warmup, double MaxSeconds, int DocumentLength)
{
    /// <summary>Ranks that train together.</summary>
    public int WorldSize { get; init; } = 1;

    /// <summary>Fewer steps than this say nothing of their spread.</summary>
    public const int LeastSteps = 3;

    /// <summary>What is trained on, for people.</summary>
    public string Documents => Configuration.Data.Path is { } path ? path
        : DocumentLength == 0 ? "synthetic tokens, one document"
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"synthetic tokens, documents of geometric length, mean {DocumentLength} tokens");
}
