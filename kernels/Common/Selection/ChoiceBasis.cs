namespace GptEngine.Kernels.Common.Selection;

/// <summary>What a choice of kernels goes by.</summary>
public enum ChoiceBasis
{
    /// <summary>None other serves, or nothing is measured here: the last that serves.</summary>
    Rule,

    /// <summary>The caller's word.</summary>
    Forced,

    /// <summary>Time on this GPU, taken by this process.</summary>
    Measured,

    /// <summary>Time on this GPU, taken by an earlier process.</summary>
    Remembered,
}
