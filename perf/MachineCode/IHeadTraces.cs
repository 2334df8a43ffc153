using System.Collections.Generic;

namespace GptEngine.Perf.MachineCode;

/// <summary>Which instructions the warps of an attention kernel execute.</summary>
internal interface IHeadTraces
{
    /// <summary>Whether an instruction is before the steps: what it loads comes from device memory.</summary>
    bool IsBeforeSteps(int at);

    /// <summary>The traces of a head's blocks in the grid's order: for each its warps', as indices into the code.</summary>
    IEnumerable<int[][]> OfHead(int time);
}
