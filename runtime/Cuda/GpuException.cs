using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>A call of the driver failed: the message has the call, the code's name and a sentence; a launch adds its kernel and shape.</summary>
public sealed class GpuException : Exception
{
    public GpuException(string call, string code, string sentence, Exception? innerException = null)
        : base($"{call}: {code}: {sentence}", innerException)
    {
        Call = call;
        Code = code;
    }

    /// <summary>What was called.</summary>
    public string Call { get; }

    /// <summary>The error's name in the driver: CUDA_ERROR_INVALID_VALUE.</summary>
    public string Code { get; }
}
