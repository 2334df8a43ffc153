namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>The forms that an operand takes.</summary>
internal enum PtxOperandKind
{
    Register,

    /// <summary>A predicate read through <c>!</c>.</summary>
    NegatedPredicate,

    /// <summary>An integer, or the bits of a float.</summary>
    Integer,
    Float32,
    Float64,

    /// <summary>A variable's address, with an offset.</summary>
    Variable,

    /// <summary>A name that is no variable: a label or a function.</summary>
    Name,
    SpecialRegister,

    /// <summary>In brackets: a register, a variable or nothing, plus an offset.</summary>
    Address,

    /// <summary>In braces.</summary>
    Vector,

    /// <summary>In parentheses: the arguments of a call.</summary>
    List,

    /// <summary><c>a|b</c>: a second destination.</summary>
    Pair,

    /// <summary><c>_</c>.</summary>
    Sink,
}
