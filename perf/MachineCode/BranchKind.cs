namespace GptEngine.Perf.MachineCode;

/// <summary>What a conditional branch of attention's main loop decides, by what it jumps over.</summary>
internal enum BranchKind
{
    /// <summary>Not taken.</summary>
    Passed,

    /// <summary>Back to a loop's head.</summary>
    Back,

    /// <summary>Out of a loop.</summary>
    Out,

    /// <summary>Over the whole step: taken where the warp sees nothing of it; or over a <see cref="StepPart"/> of it.</summary>
    OverStep,

    /// <summary>Over a warp's part of the step before's gradQ: taken in the first, and where there are fewer parts than warps.</summary>
    OverFinish,

    /// <summary>Over the products of rows that make δ: taken where a warp has none of them.</summary>
    OverRowProducts,

    /// <summary>Over the steps of the launch's other pass.</summary>
    OverOtherPass,

    /// <summary>Over the mask: taken where all is seen.</summary>
    OverMask,

    /// <summary>Over a new base of the weights and the scaling of the sums: taken but in the first step, after which scores hardly grow by 8 powers of two.</summary>
    OverScaling,

    /// <summary>Over the copy of the next step's rows: taken in the last.</summary>
    OverCopy,

    /// <summary>Over the copy of keys two steps ahead: taken in the last two.</summary>
    OverKeysCopy,

    /// <summary>To the copy of the next step's rows: taken but in the last.</summary>
    ToCopy,
}
