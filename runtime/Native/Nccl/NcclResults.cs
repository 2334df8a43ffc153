using System;
using System.Globalization;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Native.Nccl;

/// <summary>NCCL's results in words.</summary>
internal static unsafe class NcclResults
{
    /// <summary>What to throw for a result: names the call, the code, NCCL's own sentences, and what to look at.</summary>
    /// <param name="version">The library's.</param>
    internal static GpuException Failure(int result, string call, int version)
    {
        (string code, string remedy) = Describe(result);
        string sentence = Text(NcclNative.ncclGetErrorString(result));
        string last = version >= NcclNative.LastErrorVersion ? Text(NcclNative.ncclGetLastError(0)) : "";
        string own = last.Length > 0 ? $"{sentence}; {last}" : sentence;
        string more = own.Contains("NCCL_DEBUG", StringComparison.Ordinal) ? "" : " NCCL_DEBUG=INFO tells more.";
        return new GpuException(call, code, $"{own}. That is: {remedy}.{more}");
    }

    /// <summary>A result's name in nccl.h, and what to look at.</summary>
    internal static (string Code, string Remedy) Describe(int result) => result switch
    {
        1 => ("ncclUnhandledCudaError", "a call of CUDA's failed inside NCCL: look at the GPU with nvidia-smi"),
        2 => ("ncclSystemError", "a call of the system failed, mostly of the network: look at NCCL_SOCKET_IFNAME and at /dev/shm"),
        3 => ("ncclInternalError", "NCCL failed inside"),
        4 => ("ncclInvalidArgument", "an argument is unfit"),
        5 => ("ncclInvalidUsage", "the calls do not fit together; two ranks on one GPU do not either"),
        6 => ("ncclRemoteError", "another rank has ended, or the network to it has"),
        InProgress => ("ncclInProgress", "it has not ended in time"),
        8 => ("ncclTimeout", "NCCL has waited for too long"),
        _ => (string.Create(CultureInfo.InvariantCulture, $"result {result}"), "a result that this program does not know"),
    };

    private const int InProgress = NcclNative.InProgress;

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text)?.Trim().TrimEnd('.').Replace('\n', ' ') ?? "";
}
