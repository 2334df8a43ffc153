using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Devices;

namespace GptEngine.Kernels.Common;

/// <summary>The operations on a <see cref="CpuDevice"/>.</summary>
public static class CpuOperations
{
    /// <summary>
    /// The operations in fp32, for the device's instruction set, on the device's threads: done when a call returns. The bits of every result
    /// depend on the instruction set, but not on the number of threads. Calls allocate nothing. One call at a time. Dispose of them before
    /// the device.
    /// </summary>
    public static IOperations Create(CpuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.Isa switch
        {
            CpuIsa.Avx512 => new CpuOperations<Simd512>(device),
            CpuIsa.Avx2 => new CpuOperations<Simd256>(device),
            _ => new CpuOperations<Simd128>(device),
        };
    }
}
