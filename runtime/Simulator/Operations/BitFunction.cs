namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>
/// What one lane of an instruction computes: the bits of up to three operands, each zero-extended from its register's width, and the mode;
/// returned are the bits of the result, of which the destination's width is kept.
/// </summary>
internal delegate ulong BitFunction(ulong a, ulong b, ulong c, int mode);
