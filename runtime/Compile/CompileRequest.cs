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

    /// <summary>Options handed to the compiler as they are.</summary>
    public ImmutableArray<string> Options { get; init; } = DefaultOptions;
}
