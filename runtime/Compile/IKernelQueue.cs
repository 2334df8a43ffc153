using System;
using System.Collections.Immutable;

namespace GptEngine.Runtime.Compile;

/// <summary>A GPU's order of work as launchers see it: kernels are loaded ahead, and launching one only enqueues it.</summary>
public interface IKernelQueue
{
    /// <summary>The architecture that kernels run on.</summary>
    ComputeCapability Target { get; }

    /// <summary>Compiles kernels of one source file, or finds them compiled, and loads them; one for each name expression, in order.</summary>
    /// <exception cref="CompileException">The source has an error.</exception>
    ImmutableArray<LoadedKernel> Load(SourceFile source, ImmutableArray<SourceFile> headers, ImmutableArray<string> nameExpressions);

    /// <summary>Enqueues a kernel. Allocates nothing and waits for nothing.</summary>
    /// <param name="kernel">From <see cref="Load"/>.</param>
    /// <param name="shape">Grid and block.</param>
    /// <param name="arguments">One for each of its parameters, of the same size.</param>
    /// <exception cref="ArgumentException">The arguments do not fit the kernel's parameters.</exception>
    void Launch(LoadedKernel kernel, in LaunchShape shape, params ReadOnlySpan<KernelArgument> arguments);
}
