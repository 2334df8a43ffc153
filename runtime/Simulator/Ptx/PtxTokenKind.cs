namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>What a token of PTX is.</summary>
internal enum PtxTokenKind
{
    End,

    /// <summary>A name: <c>ld</c>, <c>%r1</c>, <c>$L__BB0_1</c>.</summary>
    Word,

    /// <summary>A name behind a dot, without the dot: <c>global</c>, <c>L2::128B</c>, <c>reg</c>.</summary>
    Dotted,

    /// <summary>A number, as written.</summary>
    Number,

    /// <summary>A quoted string, without its quotes.</summary>
    Text,

    /// <summary>One sign.</summary>
    Sign,
}
