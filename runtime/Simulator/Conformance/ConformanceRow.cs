namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>How far two devices agree on an instruction.</summary>
/// <param name="Name">The case of the catalogue.</param>
/// <param name="Inputs">Inputs tried.</param>
/// <param name="Different">Inputs whose results differ in any bit; two NaNs count as the same where PTX leaves the payload open.</param>
/// <param name="LargestUlps">Of approximate functions: the largest distance in units of the last place.</param>
/// <param name="Passes">No difference, or none beyond what the documentation allows both together.</param>
/// <param name="Example">The first that differs: inputs and both results; empty where none does.</param>
public sealed record ConformanceRow(string Name, int Inputs, int Different, double LargestUlps, bool Passes, string Example);
