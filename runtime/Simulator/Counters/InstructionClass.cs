namespace GptEngine.Runtime.Simulator.Counters;

/// <summary>The classes by which instructions are counted.</summary>
public enum InstructionClass
{
    /// <summary>Integer arithmetic, logic, shifts and bit fields.</summary>
    Integer,

    /// <summary>Single-precision arithmetic.</summary>
    Float32,

    /// <summary>Double-precision arithmetic.</summary>
    Float64,

    /// <summary>Half and bfloat16 arithmetic, packed or not.</summary>
    Float16,

    /// <summary>The approximate functions: ex2, lg2, rcp, rsqrt, sqrt, sin, cos, tanh.</summary>
    SpecialFunction,
    Conversion,

    /// <summary>Comparisons, selections and predicates.</summary>
    Comparison,

    /// <summary>Moves, address conversions and parameter reads.</summary>
    Move,
    GlobalLoad,
    GlobalStore,
    SharedLoad,
    SharedStore,
    LocalLoad,
    LocalStore,
    ConstantLoad,
    Atomic,

    /// <summary>Asynchronous copies, their groups and mbarriers.</summary>
    AsyncCopy,

    /// <summary>mma and wgmma, ldmatrix apart.</summary>
    Tensor,

    /// <summary>ldmatrix and stmatrix.</summary>
    MatrixMove,

    /// <summary>Shuffles, votes, matches and redux.</summary>
    Warp,

    /// <summary>Block and warp barriers, fences, and what surrounds wgmma.</summary>
    Barrier,

    /// <summary>Branches, calls and exits.</summary>
    Control,
    Other,
}
