using System.Collections.Generic;

namespace GptEngine.Engine.Model;

/// <summary>One parameter: its name and shape in files, and where it lies in the arena.</summary>
/// <param name="Name">The name in weight files: <c>blocks.3.mlp.up.weight</c>.</param>
/// <param name="Rows">Rows in files; a vector has one axis and this is its length.</param>
/// <param name="Columns">Columns; 0 for a vector.</param>
/// <param name="MemoryRows">Rows in memory: those of the vocabulary are padded to P, and stay zero beyond V.</param>
/// <param name="Decays">Whether weight decay applies: matrices do, biases and norms don't.</param>
/// <param name="Init">How it starts.</param>
/// <param name="Offset">First element in the arena.</param>
public sealed record ParameterSpec(string Name, long Rows, long Columns, long MemoryRows, bool Decays, ParameterInit Init, long Offset)
{
    /// <summary>The phase of a micro-step (<see cref="Phases"/>) that completes its gradient.</summary>
    public int GradientPhase { get; init; }

    /// <summary>The phase whose forward pass reads it first.</summary>
    public int ReadPhase { get; init; }

    /// <summary>Elements in files, and what counts as a parameter.</summary>
    public long Count => Rows * Width;

    /// <summary>Elements in memory, padding rows included.</summary>
    public long MemoryCount => MemoryRows * Width;

    /// <summary>The shape in files.</summary>
    public IReadOnlyList<long> FileShape => Columns == 0 ? [Rows] : [Rows, Columns];

    /// <summary>The shape in memory.</summary>
    public long[] MemoryShape => Columns == 0 ? [MemoryRows] : [MemoryRows, Columns];

    private long Width => Columns == 0 ? 1 : Columns;
}
