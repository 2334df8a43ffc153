using System;
using System.Linq;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>One kernel as it is compiled and launched: a function of a source file, its template arguments filled in.</summary>
/// <param name="Source">The file, by folder and name: <c>LayerNorm/layer_norm.cu</c>.</param>
/// <param name="NameExpression">As NVRTC takes it: <c>layer_norm_forward&lt;Half, true&gt;</c>.</param>
/// <param name="BlockX">Threads along x.</param>
/// <param name="BlockY">Threads along y.</param>
/// <param name="DynamicSharedBytes">Shared memory asked for at launch.</param>
public sealed record KernelInstance(string Source, string NameExpression, int BlockX, int BlockY = 1, int DynamicSharedBytes = 0)
{
    /// <summary>The first architecture that has the instructions it is written in: 80 for sm_80.</summary>
    public int FirstArchitecture { get; init; } = 70;

    /// <summary>The last architecture that it is of use on.</summary>
    public int LastArchitecture { get; init; } = int.MaxValue;

    /// <summary>
    /// Whether it has instructions that <see cref="FirstArchitecture"/> alone has, as wgmma is sm_90a's: then it is compiled for that
    /// architecture's own target and is for no other. <see cref="KernelQueue.IsFor"/> says whether a GPU and its compiler can have it.
    /// </summary>
    public bool IsArchitectureSpecific { get; init; }

    /// <summary>The operation's folder, of <see cref="Source"/>: <c>LayerNorm</c>.</summary>
    public string Folder { get; } = Source[..Math.Max(0, Source.IndexOf('/', StringComparison.Ordinal))];

    /// <summary>Threads a block.</summary>
    public int Threads => BlockX * BlockY;

    /// <summary>Whether it is for an architecture: its blocks must have the shared memory, as far as that is known.</summary>
    public bool IsFor(int architecture) => architecture >= FirstArchitecture
        && architecture <= (IsArchitectureSpecific ? FirstArchitecture : LastArchitecture)
        && DynamicSharedBytes <= (ArchitectureLimits.All.FirstOrDefault(limits => limits.Capability.Number == architecture)?.SharedBytesPerBlock ?? int.MaxValue);

    /// <summary>What its machine code for an architecture is for: sm_90, or sm_90a.</summary>
    public string TargetName(ComputeCapability target) => IsArchitectureSpecific ? target.SpecificRealName : target.RealName;

    public override string ToString() => NameExpression;
}
