using System;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>Stands for a compiler where nothing is to be launched.</summary>
internal sealed class NoCompiler : IKernelCompiler
{
    public Version Version { get; } = new(0, 0);

    /// <summary>Memory is planned for every kernel that the GPU could run.</summary>
    public bool KnowsSpecificTargets => true;

    public CompiledImage Compile(CompileRequest request) =>
        throw new NotSupportedException("these operations are for planning memory alone: no kernel of theirs can be launched");
}
