using System;

namespace GptEngine.Runtime.Native.Nvrtc;

/// <summary>A call of NVRTC that failed for a reason other than the source being compiled.</summary>
public sealed class NvrtcException(NvrtcResult result, string call, string sentence)
    : Exception($"{call} failed with NVRTC_ERROR {(int)result} ({result}): {sentence}")
{
    /// <summary>NVRTC's code.</summary>
    public NvrtcResult Result { get; } = result;
}
