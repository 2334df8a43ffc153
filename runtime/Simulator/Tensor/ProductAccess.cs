namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>Registers of warpgroup products, by their number in the kernel's web, that another instruction touches.</summary>
/// <param name="Reads">Those that it reads.</param>
/// <param name="Writes">Those that it writes.</param>
internal sealed record ProductAccess(int[] Reads, int[] Writes);
