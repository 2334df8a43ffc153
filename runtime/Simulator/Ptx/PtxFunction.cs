using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>A kernel (<c>.entry</c>) or a device function (<c>.func</c>).</summary>
internal sealed class PtxFunction
{
    internal required string Name { get; init; }

    internal required bool IsKernel { get; init; }

    internal IReadOnlyList<PtxVariable> Parameters { get; init; } = Array.Empty<PtxVariable>();

    internal IReadOnlyList<PtxVariable> Returns { get; init; } = Array.Empty<PtxVariable>();

    /// <summary>Null for a declaration without a body.</summary>
    internal IReadOnlyList<PtxInstruction>? Body { get; set; }

    internal IReadOnlyList<PtxRegister> Registers { get; set; } = Array.Empty<PtxRegister>();

    /// <summary>Shared and local variables and call parameters that the body declares.</summary>
    internal IReadOnlyList<PtxVariable> Variables { get; set; } = Array.Empty<PtxVariable>();

    /// <summary>Labels of each <c>.branchtargets</c>.</summary>
    internal IReadOnlyDictionary<string, IReadOnlyList<string>> BranchTargets { get; set; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>From <c>.maxntid</c>: most threads in a block; 0 where not stated.</summary>
    internal int MaximumThreads { get; set; }

    /// <summary>From <c>.reqntid</c>: the exact block shape, or null.</summary>
    internal IReadOnlyList<int>? RequiredThreads { get; set; }
}
