namespace GptEngine.Engine.Data;

/// <summary>What tells a token stream from another.</summary>
/// <param name="Name">Which it is, for people: <c>training data</c>.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="Hash">Of its length and samples of it, in hexadecimal.</param>
public sealed record StreamFingerprint(string Name, string Path, string Hash);
