using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nvrtc;

/// <summary>
/// NVRTC's C interface, as it has been the same since 11.2. Names and argument lists follow nvrtc.h; sizes are <c>size_t</c>.
/// Every call but <see cref="nvrtcGetErrorString"/> returns a status, to be handed to <see cref="ThrowIfFailed"/>.
/// </summary>
internal static unsafe partial class NvrtcNative
{
    private const string Library = "nvrtc";

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcVersion(out int major, out int minor);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetNumSupportedArchs(out int count);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library)]
    internal static partial byte* nvrtcGetErrorString(NvrtcResult result);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcCreateProgram(
        out nint program, string source, string name, int headerCount, string[] headers, string[] includeNames);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcDestroyProgram(ref nint program);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcAddNameExpression(NvrtcProgramHandle program, string nameExpression);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcCompileProgram(NvrtcProgramHandle program, int optionCount, string[] options);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcResult nvrtcGetLoweredName(NvrtcProgramHandle program, string nameExpression, out byte* loweredName);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetPTXSize(NvrtcProgramHandle program, out nuint size);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetPTX(NvrtcProgramHandle program, byte* image);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetCUBINSize(NvrtcProgramHandle program, out nuint size);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetCUBIN(NvrtcProgramHandle program, byte* image);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetProgramLogSize(NvrtcProgramHandle program, out nuint size);

    [LibraryImport(Library)]
    internal static partial NvrtcResult nvrtcGetProgramLog(NvrtcProgramHandle program, byte* log);

    /// <summary>The one check of every status.</summary>
    /// <exception cref="NvrtcException">Names the call, the code and NVRTC's own sentence.</exception>
    internal static void ThrowIfFailed(NvrtcResult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != NvrtcResult.Success)
            Throw(result, call);
    }

    private static void Throw(NvrtcResult result, string call)
    {
        int bracket = call.IndexOf('(', System.StringComparison.Ordinal);
        string name = call[..(bracket < 0 ? call.Length : bracket)];
        string sentence = Marshal.PtrToStringUTF8((nint)nvrtcGetErrorString(result)) ?? "no description";
        throw new NvrtcException(result, name[(name.LastIndexOf('.') + 1)..], sentence);
    }
}
