using System;

namespace GptEngine.Runtime.Compile;

/// <summary>Makes images of CUDA C++.</summary>
public interface IKernelCompiler
{
    /// <summary>Part of every cache key: another version may make other code.</summary>
    Version Version { get; }

    /// <summary>Whether it knows targets of one architecture alone, such as sm_90a. NVRTC does from 12.0 on.</summary>
    bool KnowsSpecificTargets => Version >= new Version(12, 0);

    /// <summary>Compiles; safe to call from several threads.</summary>
    /// <exception cref="CompileException">The source has an error.</exception>
    CompiledImage Compile(CompileRequest request);
}
