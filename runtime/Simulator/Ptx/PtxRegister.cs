namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>A virtual register; <paramref name="Index"/> is unique in its function.</summary>
internal sealed record PtxRegister(int Index, string Name, PtxType Type);
