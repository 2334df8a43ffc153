namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Whether a split can run.</summary>
internal enum SplitState
{
    Ready,

    /// <summary>At an instruction that waits for other lanes of the warp.</summary>
    WaitsForLanes,

    /// <summary>At a barrier of the block, not yet counted there: other lanes of the warp must come first.</summary>
    WaitsToArrive,

    /// <summary>Counted at a barrier of the block.</summary>
    AtBarrier,
}
