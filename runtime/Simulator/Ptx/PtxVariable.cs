using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>A variable in memory, or a parameter.</summary>
internal sealed class PtxVariable
{
    internal required string Name { get; init; }

    internal required PtxStateSpace Space { get; init; }

    internal required PtxType Type { get; init; }

    /// <summary>Bytes in all; 0 for the extern array that stands for the dynamic shared memory.</summary>
    internal required int Size { get; init; }

    internal required int Alignment { get; init; }

    internal bool IsExtern { get; init; }

    /// <summary>Elements from the front; what is not named is zero.</summary>
    internal IReadOnlyList<PtxInitializer>? Initializer { get; init; }

    public override string ToString() => $"{Name} ({Space}, {Size} bytes)";
}
