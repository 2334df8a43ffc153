namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>One element of an initialiser: plain bits, or the address of a symbol.</summary>
/// <param name="Bits">The value, or what is added to the symbol's address.</param>
/// <param name="Symbol">The variable whose address is meant, or null.</param>
/// <param name="Generic">The address in the generic space rather than in the variable's own.</param>
internal readonly record struct PtxInitializer(ulong Bits, string? Symbol, bool Generic);
