using System;
using System.Runtime.InteropServices;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>A GPU's properties from the driver's attributes, as cuda.h numbers them.</summary>
internal static unsafe class CudaProperties
{
    private const int MaximumThreadsPerBlock = 1, ClockKilohertz = 13, Multiprocessors = 16, MemoryClockKilohertz = 36, MemoryBusBits = 37,
        L2CacheBytes = 38, ThreadsPerMultiprocessor = 39, CapabilityMajor = 75, CapabilityMinor = 76, SharedPerMultiprocessor = 81, RegistersPerMultiprocessor = 82,
        SharedPerBlockOptIn = 97, BlocksPerMultiprocessor = 106;

    internal static GpuDeviceProperties Read(int device)
    {
        const int NameBytes = 256;
        byte* name = stackalloc byte[NameBytes];
        ThrowIfFailed(cuDeviceGetName(name, NameBytes, device));
        ThrowIfFailed(cuDeviceTotalMem_v2(out nuint bytes, device));
        int architecture = (10 * Value(CapabilityMajor)) + Value(CapabilityMinor);
        int multiprocessors = Value(Multiprocessors);
        (int lanes, int tensorFlops, double sustainedHertz) = Rates(architecture);
        double hertz = Math.Min(1e3 * Value(ClockKilohertz), sustainedHertz);
        return new GpuDeviceProperties
        {
            Name = Marshal.PtrToStringUTF8((nint)name)!,
            Architecture = architecture,
            MultiprocessorCount = multiprocessors,
            MemoryBytes = (long)bytes,
            MaximumSharedBytesPerBlock = Value(SharedPerBlockOptIn),
            SharedBytesPerMultiprocessor = Value(SharedPerMultiprocessor),
            RegistersPerMultiprocessor = Value(RegistersPerMultiprocessor),
            MaximumThreadsPerMultiprocessor = Value(ThreadsPerMultiprocessor),
            MaximumBlocksPerMultiprocessor = Value(BlocksPerMultiprocessor),
            MaximumThreadsPerBlock = Value(MaximumThreadsPerBlock),
            L2CacheBytes = Value(L2CacheBytes),

            // Two transfers a clock.
            MemoryBandwidth = 2e3 * Value(MemoryClockKilohertz) * Value(MemoryBusBits) / 8,
            Float32Throughput = 2.0 * lanes * multiprocessors * hertz,
            TensorThroughput = (double)tensorFlops * multiprocessors * hertz,
        };

        int Value(int attribute)
        {
            ThrowIfFailed(cuDeviceGetAttribute(out int value, attribute, device));
            return value;
        }
    }

    /// <summary>
    /// Per multiprocessor and clock: fp32 lanes, and half-precision operations of the tensor cores with fp32 sums; and the clock that the data
    /// sheet's rate is made at, where that is below the highest (H100: 1.83 of 1.98 GHz). From the architectures' white papers.
    /// </summary>
    private static (int Lanes, int TensorFlops, double Hertz) Rates(int architecture) => architecture switch
    {
        70 or 72 => (64, 1024, 1.53e9),
        75 => (64, 1024, double.MaxValue),
        80 => (64, 2048, double.MaxValue),
        86 or 87 or 89 => (128, 512, double.MaxValue),
        90 => (128, 4096, 1.83e9),
        _ => (128, 4096, double.MaxValue),
    };
}
