namespace GptEngine.Engine.Profiling;

/// <summary>A time in which nothing ran.</summary>
/// <param name="Seconds">How long.</param>
/// <param name="Before">What ended.</param>
/// <param name="After">What began then.</param>
/// <param name="HostSeconds">Of it, until the host came to enqueue what began then; null where that is not known.</param>
public readonly record struct TimelineGap(double Seconds, string Before, string After, double? HostSeconds = null);
