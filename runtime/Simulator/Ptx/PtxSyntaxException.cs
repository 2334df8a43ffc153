using System;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>PTX that does not parse, or that names what it never declared; the message carries the line of the PTX text.</summary>
public sealed class PtxSyntaxException : Exception
{
    public PtxSyntaxException(int line, string message)
        : base($"PTX line {line}: {message}") => Line = line;

    /// <summary>The line in the PTX text, from 1.</summary>
    public int Line { get; }
}
