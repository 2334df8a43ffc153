using System.Collections.Immutable;

namespace GptEngine.Runtime.Compile;

/// <summary>Everything that decides what the compiler's output is, its version apart.</summary>
/// <param name="Source">The file to compile.</param>
/// <param name="Headers">Every file that it includes, directly or not; nothing is read from disk.</param>
/// <param name="NameExpressions">The kernels to make, templates with their arguments: <c>gelu_forward&lt;float, 4&gt;</c>.</param>
/// <param name="Target">The architecture.</param>
/// <param name="Format">PTX or machine code.</param>
public sealed record CompileRequest(
    SourceFile Source,
    ImmutableArray<SourceFile> Headers,
    ImmutableArray<string> NameExpressions,
    ComputeCapability Target,
    ImageFormat Format)
{
    /// <summary>
    /// The compiler's options but for the target: C++17, source lines for profilers and the simulator, and ptxas's report of what each
    /// kernel takes. Divisions, roots and subnormals stay IEEE's; kernels ask for approximate instructions by name.
    /// </summary>
    public static readonly ImmutableArray<string> DefaultOptions = ["--std=c++17", "-lineinfo"];

    /// <summary>
    /// Whether the target is the architecture's own (sm_90a), with the instructions that it alone has: what is made runs on no other.
    /// </summary>
    public bool IsArchitectureSpecific { get; init; }

    /// <summary>The target as the compiler and messages name it: sm_90 or sm_90a, and compute_90 or compute_90a for PTX.</summary>
    public string TargetName => (Format, IsArchitectureSpecific) switch
    {
        (ImageFormat.Cubin, false) => Target.RealName,
        (ImageFormat.Cubin, true) => Target.SpecificRealName,
        (_, false) => Target.VirtualName,
        (_, true) => Target.SpecificVirtualName,
    };

    /// <summary>Options handed to the compiler as they are.</summary>
    public ImmutableArray<string> Options { get; init; } = DefaultOptions;
}
