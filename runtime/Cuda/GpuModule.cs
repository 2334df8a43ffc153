using System;

namespace GptEngine.Runtime.Cuda;

/// <summary>A loaded image of kernels. Disposing unloads it.</summary>
public abstract class GpuModule : IDisposable
{
    /// <summary>The kernel of that name, as the compiler wrote it.</summary>
    /// <exception cref="GpuException">CUDA_ERROR_NOT_FOUND.</exception>
    public abstract GpuFunction GetFunction(string name);

    /// <summary>Address and size of a variable in global or constant memory.</summary>
    /// <exception cref="GpuException">CUDA_ERROR_NOT_FOUND.</exception>
    public abstract (DevicePointer Pointer, long Bytes) GetVariable(string name);

    public abstract void Dispose();
}
