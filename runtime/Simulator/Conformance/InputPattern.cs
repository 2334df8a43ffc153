namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>What the inputs of an instruction look like; every pattern mixes in the edges of its kind.</summary>
public enum InputPattern
{
    Integers,

    /// <summary>The second and third operands are small counts, up to a little past the width.</summary>
    Shifts,
    Singles,

    /// <summary>Singles between 2⁻⁶⁴ and 2⁶⁴, of both signs, without NaN and infinities.</summary>
    ModerateSingles,
    Doubles,
    Halves,
    BFloat16s,
}
