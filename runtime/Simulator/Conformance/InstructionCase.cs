namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>
/// An instruction to be tried on many inputs: on the simulator against an independent reference, and on a GPU against the simulator.
/// </summary>
/// <param name="Name">Unique; what a table calls it.</param>
/// <param name="Body">PTX that computes %d from %a, %b and %c, with %p, %q and %t0 to %t3 (32 bits) free to use.</param>
/// <param name="Sizes">Bytes of d, a, b, c: 2, 4 or 8.</param>
/// <param name="Inputs">What the inputs look like.</param>
/// <param name="MinimumArchitecture">70, 75, 80 or 90.</param>
/// <param name="UlpTolerance">0 where every bit is defined; else the documented error in units of the last place of a single.</param>
public sealed record InstructionCase(
    string Name, string Body, (int D, int A, int B, int C) Sizes, InputPattern Inputs, int MinimumArchitecture = 70, double UlpTolerance = 0);
