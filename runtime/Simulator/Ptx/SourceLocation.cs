using System.Globalization;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>A place in the CUDA source, from the PTX line table; <paramref name="InlinedAt"/> is where its function was called from.</summary>
internal sealed record SourceLocation(string File, int Line, int Column, SourceLocation? InlinedAt)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}")
        + (InlinedAt is null ? "" : $" (inlined at {InlinedAt})");
}
