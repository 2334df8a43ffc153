namespace GptEngine.Engine.Data.Preparation;

/// <summary>One input.</summary>
/// <param name="Path">The file's path as found, or <c>-</c>.</param>
/// <param name="Format">What it holds.</param>
/// <param name="Compression">How it is compressed.</param>
/// <param name="Bytes">Its size on disk; 0 for standard input.</param>
public sealed record InputSource(string Path, InputFormat Format, InputCompression Compression, long Bytes)
{
    /// <summary>The name for standard input.</summary>
    public const string StandardInput = "-";
}
