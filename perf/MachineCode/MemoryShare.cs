namespace GptEngine.Perf.MachineCode;

/// <summary>What one multiprocessor has of device memory.</summary>
/// <param name="BytesPerCycle">Of its loads and stores together.</param>
/// <param name="Latency">Cycles of a load while memory is busy.</param>
internal readonly record struct MemoryShare(double BytesPerCycle, double Latency);
