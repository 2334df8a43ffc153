using System.Collections.Generic;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Benchmarking;

/// <summary>A row of a benchmark as its JSON has it: one object a line, null for what is not known.</summary>
public sealed record BenchRecord
{
    public string Kind { get; } = "bench";

    /// <summary>UTC, when the row was done.</summary>
    public required string Time { get; init; }

    /// <summary>null where the configuration came without one.</summary>
    public required string? Preset { get; init; }

    public required ModelConfiguration Model { get; init; }

    public required long Parameters { get; init; }

    public required int MicroBatch { get; init; }

    /// <summary>Micro-steps of an optimizer step.</summary>
    public required int MicroSteps { get; init; }

    public required long TokensPerStep { get; init; }

    public required int ContextLength { get; init; }

    public required Precision Precision { get; init; }

    public required int WorldSize { get; init; }

    public required string Device { get; init; }

    /// <summary>What joins the ranks; null for one.</summary>
    public string? Transport { get; init; }

    /// <summary><c>ok</c> or <c>out of memory</c>; in the second case nothing was measured.</summary>
    public required string Status { get; init; }

    /// <summary>What went wrong.</summary>
    public string? Error { get; init; }

    public Quantiles? StepSeconds { get; init; }

    /// <summary>Steps measured.</summary>
    public int Steps { get; init; }

    public required int Warmup { get; init; }

    /// <summary>At the median step.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>At the median step, by <see cref="FlopsConvention"/>.</summary>
    public double? Tflops { get; init; }

    public double? MfuDatasheet { get; init; }

    public double? MfuMeasured { get; init; }

    public double? PeakTflopsDatasheet { get; init; }

    public double? PeakTflopsMeasured { get; init; }

    public required double FlopsPerToken { get; init; }

    public required string FlopsConvention { get; init; }

    public required BenchMemory MemoryBytes { get; init; }

    /// <summary>From the process's start in the first row, from the row's own in the others.</summary>
    public double? SecondsToFirstStep { get; init; }

    /// <summary>Of the last step; null where it is not finite.</summary>
    public double? Loss { get; init; }

    /// <summary>What was trained on.</summary>
    public required string Data { get; init; }

    /// <summary>Of the program and of the libraries that it ran on.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    public required string Command { get; init; }

    /// <summary>The record as JSON, in one line.</summary>
    public string ToJson() => BenchJson.Line(this);
}
