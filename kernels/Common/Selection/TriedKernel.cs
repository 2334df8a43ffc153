namespace GptEngine.Kernels.Common.Selection;

/// <summary>What stands for election.</summary>
/// <param name="Word">What it goes by: <c>small</c>.</param>
/// <param name="Kernel">The kernel that runs, for messages.</param>
public readonly record struct TriedKernel(string Word, string Kernel);
