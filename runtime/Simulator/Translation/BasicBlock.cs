using System.Collections.Generic;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>A run of instructions with one entry and one end. Blocks are numbered so that, loops apart, control flows upwards.</summary>
internal sealed class BasicBlock
{
    /// <summary>The target that ends a thread.</summary>
    internal const int Exit = int.MaxValue;

    internal int Index { get; set; }

    internal List<PtxInstruction> Instructions { get; } = [];

    /// <summary>Where lanes that take the branch go; the only target of an unconditional end.</summary>
    internal int Target { get; set; } = Exit;

    /// <summary>Where the others go.</summary>
    internal int Next { get; set; } = Exit;

    /// <summary>Whether the lanes that the method returns go to <see cref="Target"/> and the others to <see cref="Next"/>.</summary>
    internal bool IsConditional { get; set; }

    /// <summary>The targets of brx.idx, and the register that chooses.</summary>
    internal int[]? Table { get; set; }

    internal Row TableIndex { get; set; }

    internal SyncKind Sync { get; set; }

    /// <summary>The instruction that waits, where <see cref="Sync"/> is set.</summary>
    internal MemorySite? SyncSite { get; set; }

    /// <summary>Whether a loop through here may wait for another thread's write: other splits then get their turn sooner.</summary>
    internal bool MaySpin { get; set; }

    /// <summary>Instructions by class, for the counters.</summary>
    internal int[] ClassCounts { get; set; } = [];

    internal int Float32Operations { get; set; }

    internal int Float64Operations { get; set; }

    internal int Float16Operations { get; set; }

    /// <summary>Operations of the tensor instructions, for the whole warp.</summary>
    internal long TensorOperations { get; set; }

    /// <summary>Those of them that are a warpgroup's.</summary>
    internal long WarpgroupOperations { get; set; }

    internal int InstructionCount { get; set; }

    /// <summary>The code before it is compiled.</summary>
    internal BlockEmitter? Code { get; set; }

    /// <summary>The code, once the block was run for the first time.</summary>
    internal BlockMethod? Method { get; set; }
}
