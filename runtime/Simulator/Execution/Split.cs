namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Lanes of a warp that are at the same place: the next block to run, and who runs it.</summary>
internal struct Split
{
    internal int Block;
    internal uint Mask;
    internal SplitState State;

    /// <summary>The first instruction of the block has been waited for and may run.</summary>
    internal bool Passed;

    /// <summary>When it last ran, by the warp's count of blocks.</summary>
    internal long LastRun;
}
