namespace GptEngine.Perf.CpuOperations;

/// <summary>One operation's best time and what it is held against.</summary>
/// <param name="Name">The operation.</param>
/// <param name="Seconds">Best of the repetitions.</param>
/// <param name="Flops">Of its matrix products; 0 where memory is the floor.</param>
/// <param name="Bytes">Read and written at least, where memory is the floor.</param>
/// <param name="PerStep">How often a training step of the model calls it.</param>
internal readonly record struct OperationTiming(string Name, double Seconds, double Flops, double Bytes, double PerStep);
