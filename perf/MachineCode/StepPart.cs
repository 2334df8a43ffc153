namespace GptEngine.Perf.MachineCode;

/// <summary>What a warp of a forward kernel does in a step, where the values are a step behind the scores.</summary>
internal enum StepPart
{
    /// <summary>Neither: it has not begun, or has ended.</summary>
    None,

    /// <summary>The scores of its first keys alone.</summary>
    Begins,

    /// <summary>Scores, and the values of the step before.</summary>
    GoesOn,

    /// <summary>The values of its last keys alone.</summary>
    Ends,
}
