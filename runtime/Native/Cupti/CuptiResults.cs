using System.Globalization;

namespace GptEngine.Runtime.Native.Cupti;

/// <summary>CUPTI's results in words.</summary>
internal static class CuptiResults
{
    internal const int Success = 0;

    /// <summary>Of a walk through a buffer: there is no further record.</summary>
    internal const int MaximumReached = 12;

    /// <summary>One clause on why a call failed, and what a person can do.</summary>
    internal static string Describe(CuptiLibrary library, int result, string call)
    {
        string? advice = result switch
        {
            8 => "no memory is left for it",
            14 or 15 => "it does not fit this driver, or there is no GPU: take the CUPTI of the driver's CUDA version",
            26 => "another program profiles this GPU: wait for it",
            27 => "this GPU or system cannot be traced",
            33 or 40 => "the virtual machine's host does not allow profiling: ask who runs it",
            35 => "this user may not profile: ask the administrator for the driver's option NVreg_RestrictProfilingToAdminUsers=0",
            36 or 39 => "another tool traces this process already (Nsight, a debugger, a sanitizer): read the times there, or leave it",
            41 => "confidential computing forbids tracing",
            42 => "mining processors cannot be traced",
            _ => null,
        };
        string named = string.Create(CultureInfo.InvariantCulture, $"{call} says {library.NameOf(result)} ({result})");
        return advice is null ? named : $"{named}: {advice}";
    }
}
