namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>What is wrong with a kernel.</summary>
public enum FindingKind
{
    OutOfBounds,
    Misaligned,
    UseAfterFree,
    ReadOnlyWrite,
    Uninitialized,

    /// <summary>A copy by cp.async was read before its group was waited for.</summary>
    AsyncCopyNotWaitedFor,
    SharedRace,
    WarpRace,
    GlobalRace,
    BarrierDivergence,
    WrongLaneMask,
    Deadlock,
    Trap,
    Leak,
}
