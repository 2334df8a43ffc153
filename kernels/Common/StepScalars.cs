namespace GptEngine.Kernels.Common;

/// <summary>The regions of the step scalars' tensor.</summary>
public static class StepScalars
{
    /// <summary>Length of the step scalars' tensor.</summary>
    public const int Count = 32;

    /// <summary>The host uploads elements [0, InputCount) before each step.</summary>
    public const int InputCount = 8;

    /// <summary>The host saves elements [StateStart, StateStart + StateCount) in checkpoints.</summary>
    public const int StateStart = 8;

    /// <summary>How many state elements there are.</summary>
    public const int StateCount = 8;
}
