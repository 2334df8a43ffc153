namespace GptEngine.Runtime.Compile;

/// <summary>A file of CUDA C++ held in memory.</summary>
/// <param name="Name">As <c>#include</c> and error messages name it: <c>Common/reduce.cuh</c>.</param>
/// <param name="Text">Its contents.</param>
public sealed record SourceFile(string Name, string Text);
