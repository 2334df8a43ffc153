using System;

namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>What a launch looks for. Bounds and alignment are always checked: without them the simulator itself would fail.</summary>
[Flags]
public enum SimulatorChecks
{
    /// <summary>Bounds, alignment and use after free alone.</summary>
    None = 0,

    /// <summary>Reads of bytes that nothing wrote.</summary>
    Uninitialized = 1,

    /// <summary>Unordered accesses of two warps to a word of shared memory, one of them a write.</summary>
    SharedRaces = 2,

    /// <summary>The same between two lanes of a warp with no __syncwarp between them.</summary>
    WarpRaces = 4,

    /// <summary>Unordered accesses of two blocks of a launch to a word of global memory, one of them a write.</summary>
    GlobalRaces = 8,

    /// <summary>Everything: the default.</summary>
    All = Uninitialized | SharedRaces | WarpRaces | GlobalRaces,
}
