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

    /// <summary>Registers or shared memory of a warpgroup product were touched before it was waited for.</summary>
    ProductNotWaitedFor,

    /// <summary>A warpgroup product uses registers that were written with no wgmma.fence between.</summary>
    ProductNotFenced,

    /// <summary>A warpgroup product reads shared memory that its writer did not show to the asynchronous proxy.</summary>
    ProxyFenceMissing,

    /// <summary>The four warps of a warpgroup do not execute the same wgmma.</summary>
    WarpgroupDivergence,
    SharedRace,
    WarpRace,
    GlobalRace,
    BarrierDivergence,
    WrongLaneMask,
    Deadlock,
    Trap,
    Leak,
}
