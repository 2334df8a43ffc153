using System;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>How far <c>gpt prepare</c> is; reported after each block, several times a second or more.</summary>
/// <param name="BytesDone">Bytes of the inputs, as stored, that are worked off.</param>
/// <param name="BytesTotal">Bytes of all inputs as stored; 0 if one is standard input, whose size nobody knows.</param>
/// <param name="TextBytes">Bytes of text encoded.</param>
/// <param name="Documents">Documents written.</param>
/// <param name="Tokens">Tokens written.</param>
/// <param name="Elapsed">Time since the start.</param>
public readonly record struct PrepareProgress(
    long BytesDone, long BytesTotal, long TextBytes, long Documents, long Tokens, TimeSpan Elapsed)
{
    /// <summary>Text encoded a second, in 10⁶ bytes.</summary>
    public double MegabytesPerSecond => Elapsed > TimeSpan.Zero ? TextBytes / 1e6 / Elapsed.TotalSeconds : 0;

    /// <summary>The time left at the rate so far; null while it cannot be told.</summary>
    public TimeSpan? Left => BytesTotal > 0 && BytesDone > 0 ? Elapsed * ((double)(BytesTotal - BytesDone) / BytesDone) : null;
}
