using System;
using System.Collections.Generic;
using System.Text;

namespace GptEngine.Runtime.Compile;

/// <summary>What the compiler made of a request.</summary>
/// <param name="Format">PTX or machine code.</param>
/// <param name="Target">The architecture it is for.</param>
/// <param name="Bytes">The image, as <c>cuModuleLoadData</c> takes it: PTX ends with a zero byte.</param>
/// <param name="Log">Everything the compiler said: warnings, and for machine code each kernel's resources.</param>
/// <param name="LoweredNames">For each name expression the name that the kernel has in the image.</param>
/// <param name="CompilerVersion">NVRTC's version.</param>
public sealed record CompiledImage(
    ImageFormat Format,
    ComputeCapability Target,
    ReadOnlyMemory<byte> Bytes,
    string Log,
    IReadOnlyDictionary<string, string> LoweredNames,
    Version CompilerVersion)
{
    /// <summary>The PTX as text.</summary>
    /// <exception cref="InvalidOperationException">The image is machine code.</exception>
    public string Ptx => Format == ImageFormat.Ptx
        ? Encoding.ASCII.GetString(Bytes.Span).TrimEnd('\0')
        : throw new InvalidOperationException($"the image is machine code for {Target}, not PTX");

    /// <summary>What each kernel takes, by its name in the image; empty for PTX.</summary>
    public IReadOnlyDictionary<string, KernelResources> Resources => KernelResources.ParseLog(Log);
}
