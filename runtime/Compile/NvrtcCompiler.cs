using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Nvrtc;

namespace GptEngine.Runtime.Compile;

/// <summary>NVRTC, 11.8 to 13: CUDA C++ in memory to PTX or machine code. Needs no GPU and no driver.</summary>
public sealed unsafe partial class NvrtcCompiler : IKernelCompiler
{
    /// <summary>
    /// What NVRTC is told that all files lie in. It writes the process's working directory before names without a root, in line tables of PTX and
    /// of machine code; so the same request would give other bytes elsewhere. No such folder has to exist.
    /// </summary>
    public const string SourceRoot = "/gptengine/";

    private static readonly Version Oldest = new(11, 8);

    /// <summary>Opens the library and asks its version.</summary>
    /// <exception cref="UserErrorException">There is no NVRTC on this machine, or it is too old.</exception>
    public NvrtcCompiler()
    {
        NativeLibraryOpening opening = NativeLibraries.Require(NativeLibraryName.Nvrtc);
        LibraryPath = opening.Path!;
        NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcVersion(out int major, out int minor));
        Version = new Version(major, minor);
        if (Version < Oldest)
        {
            throw new UserErrorException(
                $"The NVRTC at {LibraryPath} is version {Version}, older than {Oldest}. {NativeLibraryName.Nvrtc.Remedy}", ExitCode.MissingDependency);
        }

        SupportedArchitectures = ReadArchitectures();
    }

    /// <summary>The file that was opened.</summary>
    public string LibraryPath { get; }

    /// <inheritdoc/>
    public Version Version { get; }

    /// <summary>What this NVRTC makes code for, ascending. CUDA 13 dropped 7.0.</summary>
    public ImmutableArray<ComputeCapability> SupportedArchitectures { get; }

    /// <inheritdoc/>
    /// <exception cref="UserErrorException">This NVRTC does not know the target.</exception>
    public CompiledImage Compile(CompileRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!SupportedArchitectures.Contains(request.Target))
        {
            throw new UserErrorException(
                $"NVRTC {Version} cannot compile for {request.Target}, only for {string.Join(", ", SupportedArchitectures)}. "
                + $"Point {NativeLibraryName.Nvrtc.EnvironmentVariable} at another version: 11.8 to 12.9 know sm_70.",
                ExitCode.MissingDependency);
        }

        if (request.IsArchitectureSpecific && !((IKernelCompiler)this).KnowsSpecificTargets)
        {
            throw new UserErrorException(
                $"NVRTC {Version} cannot compile for {request.TargetName}. Point {NativeLibraryName.Nvrtc.EnvironmentVariable} at 12.0 or a later version.",
                ExitCode.MissingDependency);
        }

        NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcCreateProgram(
            out nint created,
            Rooted(request.Source.Text),
            SourceRoot + request.Source.Name,
            request.Headers.Length,
            [.. request.Headers.Select(header => Rooted(header.Text))],
            [.. request.Headers.Select(header => SourceRoot + header.Name)]));
        using var program = new NvrtcProgramHandle(created);
        foreach (string expression in request.NameExpressions)
        {
            NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcAddNameExpression(program, expression));
        }

        string[] options = OptionsOf(request);
        NvrtcResult result = NvrtcNative.nvrtcCompileProgram(program, options.Length, options);
        string log = ReadLog(program).Replace(SourceRoot, "", StringComparison.Ordinal);
        if (result is NvrtcResult.Compilation or NvrtcResult.NameExpressionNotValid)
        {
            throw new CompileException(request, log);
        }

        if (result != NvrtcResult.Success)
        {
            throw new NvrtcException(result, "nvrtcCompileProgram", $"{log.Trim()} (options {string.Join(' ', options)})");
        }

        return new CompiledImage(request.Format, request.Target, ReadImage(program, request.Format), log, ReadNames(program, request), Version);
    }

    private static string[] OptionsOf(CompileRequest request)
    {
        string[] report = request.Format == ImageFormat.Cubin ? ["--ptxas-options=-v"] : [];
        return [$"--gpu-architecture={request.TargetName}", .. request.Options, .. report];
    }

    // Names in #include must be the headers' own. Lines stay where they are.
    private static string Rooted(string text) => IncludeLine().Replace(text, $"$0{SourceRoot}");

    [GeneratedRegex(@"^[ \t]*#[ \t]*include[ \t]*""(?!/)", RegexOptions.Multiline)]
    private static partial Regex IncludeLine();

    private static ImmutableArray<ComputeCapability> ReadArchitectures()
    {
        NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcGetNumSupportedArchs(out int count));
        int[] numbers = new int[count];
        fixed (int* pointer = numbers)
        {
            NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcGetSupportedArchs(pointer));
        }

        return [.. numbers.Order().Select(ComputeCapability.FromNumber)];
    }

    private static Dictionary<string, string> ReadNames(NvrtcProgramHandle program, CompileRequest request)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string expression in request.NameExpressions)
        {
            NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcGetLoweredName(program, expression, out byte* name));
            names[expression] = Marshal.PtrToStringUTF8((nint)name)!;
        }

        return names;
    }

    private static string ReadLog(NvrtcProgramHandle program)
    {
        NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcGetProgramLogSize(program, out nuint size));
        byte[] bytes = new byte[size];
        fixed (byte* pointer = bytes)
        {
            NvrtcNative.ThrowIfFailed(NvrtcNative.nvrtcGetProgramLog(program, pointer));
        }

        return Encoding.UTF8.GetString(bytes).TrimEnd('\0');
    }

    private static byte[] ReadImage(NvrtcProgramHandle program, ImageFormat format)
    {
        nuint size;
        NvrtcNative.ThrowIfFailed(format == ImageFormat.Ptx
            ? NvrtcNative.nvrtcGetPTXSize(program, out size)
            : NvrtcNative.nvrtcGetCUBINSize(program, out size));
        byte[] bytes = new byte[size];
        fixed (byte* pointer = bytes)
        {
            NvrtcNative.ThrowIfFailed(format == ImageFormat.Ptx
                ? NvrtcNative.nvrtcGetPTX(program, pointer)
                : NvrtcNative.nvrtcGetCUBIN(program, pointer));
        }

        return bytes;
    }
}
