using System.Collections.Generic;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>A parsed PTX text.</summary>
internal sealed class PtxModule
{
    /// <summary>From <c>.target</c>: 70 for <c>sm_70</c>.</summary>
    internal int Target { get; set; }

    /// <summary>Whether the target is that architecture's own, as <c>sm_90a</c> is: no other runs it, and it may have what no other has.</summary>
    internal bool IsArchitectureSpecific { get; set; }

    internal string Version { get; set; } = "";

    internal Dictionary<string, PtxFunction> Functions { get; } = [];

    /// <summary>Variables outside functions, by name.</summary>
    internal Dictionary<string, PtxVariable> Variables { get; } = [];
}
