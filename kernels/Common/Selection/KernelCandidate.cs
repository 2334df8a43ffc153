namespace GptEngine.Kernels.Common.Selection;

/// <summary>One of the kernels that a choice is among.</summary>
/// <param name="Word">What it goes by: <c>small</c>.</param>
/// <param name="Ms">Median milliseconds; null where it was not timed.</param>
/// <param name="Fault">Why it is left out on this GPU, a sentence without its end; null where it is right.</param>
public sealed record KernelCandidate(string Word, double? Ms, string? Fault);
