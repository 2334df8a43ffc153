using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Cuda;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// A GPU through libcuda, on its primary context, which other libraries of the process share. The context is made current on the calling
/// thread by each call: it costs some tens of nanoseconds, and any thread may then call.
/// </summary>
public sealed unsafe class CudaDriver : GpuDriver
{
    private const uint PortablePinned = 1;
    private const int LargestArguments = 32;
    private const int LargestArgumentBytes = 1024;

    private readonly int _device;
    private readonly nint _context;
    private bool _isDisposed;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its number among those that CUDA_VISIBLE_DEVICES leaves.</param>
    /// <exception cref="UserErrorException">There is no driver, no GPU, or none of that number: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    public CudaDriver(int ordinal = 0)
    {
        CudaEntryPoints.OfThisProcess.RequireAll();
        int count = Count(out string reason);
        if (ordinal < 0 || ordinal >= count)
        {
            throw new UserErrorException(
                count == 0
                    ? $"The driver finds no GPU ({reason}). Check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu."
                    : $"There is no GPU {ordinal}: the driver shows {count}, from 0 on. Check CUDA_VISIBLE_DEVICES.",
                ExitCode.MissingDependency);
        }

        ThrowIfFailed(cuDeviceGet(out _device, ordinal));
        Properties = CudaProperties.Read(_device);
        ThrowIfFailed(cuDevicePrimaryCtxRetain(out _context, _device));
        MakeCurrent();
    }

    /// <summary>How many GPUs there are; 0 where there is no driver. Never throws.</summary>
    public static int DeviceCount => NativeLibraries.TryOpen(NativeLibraryName.Driver).IsOpen ? Count(out _) : 0;

    /// <summary>Where a GPU is on the bus, as in <c>0000:06:00.0</c>; takes nothing of it.</summary>
    /// <param name="ordinal">Its number among those that CUDA_VISIBLE_DEVICES leaves.</param>
    public static string BusId(int ordinal)
    {
        const int Length = 32;
        byte* busId = stackalloc byte[Length];
        ThrowIfFailed(cuInit(0));
        ThrowIfFailed(cuDeviceGet(out int device, ordinal));
        ThrowIfFailed(cuDeviceGetPCIBusId(busId, Length, device));
        return Marshal.PtrToStringUTF8((nint)busId)!;
    }

    /// <summary>What the driver lacks of what is needed, and what to do about it: a sentence or two. Null where nothing is missing, or there is no driver.</summary>
    public static string? Lacking => NativeLibraries.TryOpen(NativeLibraryName.Driver).IsOpen && CudaEntryPoints.OfThisProcess.Missing.Count > 0
        ? $"it has no {CudaEntryPoints.OfThisProcess.Lack}. {CudaEntryPoints.Remedy}"
        : null;

    /// <summary>The GPUs that the driver shows, without opening any; and where there is none, why, in the driver's words. Never throws.</summary>
    public static (IReadOnlyList<GpuDeviceProperties> Gpus, string Reason) Find()
    {
        if (!NativeLibraries.TryOpen(NativeLibraryName.Driver).IsOpen)
        {
            return ([], "there is no driver");
        }

        int count = Count(out string reason);
        var gpus = new List<GpuDeviceProperties>();
        try
        {
            for (int ordinal = 0; ordinal < count; ordinal++)
            {
                ThrowIfFailed(cuDeviceGet(out int device, ordinal));
                gpus.Add(CudaProperties.Read(device));
            }
        }
        catch (Exception failure) when (failure is GpuException or UserErrorException)
        {
            reason = failure.Message.TrimEnd('.');
        }

        return (gpus, reason);
    }

    public override GpuDeviceProperties Properties { get; }

    public override (long Free, long Total) MemoryInfo
    {
        get
        {
            MakeCurrent();
            ThrowIfFailed(cuMemGetInfo_v2(out nuint free, out nuint total));
            return ((long)free, (long)total);
        }
    }

    public override GpuModule LoadModule(ReadOnlySpan<byte> image, string name)
    {
        MakeCurrent();
        fixed (byte* start = image)
        {
            int status = cuModuleLoadData(out nint module, start);
            return status == Success ? new CudaModule(this, module, name) : throw Failure(status, nameof(cuModuleLoadData), $"{name}: ");
        }
    }

    public override DevicePointer Allocate(long bytes, string name)
    {
        MakeCurrent();
        int status = cuMemAlloc_v2(out ulong address, (nuint)bytes);
        return status == Success ? new DevicePointer(address) : throw Failure(status, nameof(cuMemAlloc_v2), $"{name}, {bytes} bytes: ");
    }

    public override void Free(DevicePointer pointer)
    {
        MakeCurrent();
        ThrowIfFailed(cuMemFree_v2(pointer.Address));
    }

    public override nint AllocatePinned(long bytes)
    {
        MakeCurrent();
        int status = cuMemHostAlloc(out nint pointer, (nuint)bytes, PortablePinned);
        return status == Success ? pointer : throw Failure(status, nameof(cuMemHostAlloc), $"{bytes} bytes of pinned memory: ");
    }

    public override void FreePinned(nint pointer)
    {
        MakeCurrent();
        ThrowIfFailed(cuMemFreeHost(pointer));
    }

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream)
    {
        if (stream.IsRehearsing)
        {
            return;
        }

        MakeCurrent();
        ThrowIfFailed(cuMemsetD8Async(destination.Address, value, (nuint)bytes, HandleOf(stream)));
    }

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream)
    {
        MakeCurrent();
        ThrowIfFailed(cuMemcpyHtoDAsync_v2(destination.Address, source, (nuint)bytes, HandleOf(stream)));
    }

    public override void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream)
    {
        MakeCurrent();
        ThrowIfFailed(cuMemcpyDtoHAsync_v2(destination, source.Address, (nuint)bytes, HandleOf(stream)));
    }

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream)
    {
        if (stream.IsRehearsing)
        {
            return;
        }

        MakeCurrent();
        ThrowIfFailed(cuMemcpyDtoDAsync_v2(destination.Address, source.Address, (nuint)bytes, HandleOf(stream)));
    }

    public override GpuStream CreateStream() => new CudaStream(this);

    public override GpuEvent CreateEvent() => new CudaEvent(this);

    /// <inheritdoc/>
    /// <remarks>The driver does not tell a kernel's parameters in every version; the simulated GPU checks their count and sizes.</remarks>
    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (stream.IsRehearsing)
        {
            return;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(arguments.Length, LargestArguments);
        byte* values = stackalloc byte[LargestArgumentBytes];
        void** pointers = stackalloc void*[LargestArguments];
        int used = 0;
        for (int i = 0; i < arguments.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(used + arguments[i].Size, LargestArgumentBytes);
            arguments[i].CopyTo(values + used);
            pointers[i] = values + used;

            // The driver copies each from its address; 16 bytes apart keeps every type aligned.
            used += (arguments[i].Size + 15) / 16 * 16;
        }

        MakeCurrent();
        GridSize grid = shape.Grid;
        GridSize block = shape.Block;
        int status = cuLaunchKernel(
            ((CudaFunction)function).Handle, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)block.X, (uint)block.Y, (uint)block.Z,
            (uint)shape.SharedBytes, HandleOf(stream), pointers, null);
        if (status != Success)
        {
            throw Failure(status, nameof(cuLaunchKernel), $"{function.Name}, {shape}: ");
        }
    }

    public override int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes)
    {
        MakeCurrent();
        ThrowIfFailed(cuOccupancyMaxActiveBlocksPerMultiprocessor(
            out int blocks, ((CudaFunction)function).Handle, threadsPerBlock, (nuint)dynamicSharedBytes));
        return blocks;
    }

    public override void Synchronize()
    {
        MakeCurrent();
        ThrowIfFailed(cuCtxSynchronize());
    }

    public override void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            ThrowIfFailed(cuDevicePrimaryCtxRelease_v2(_device));
        }
    }

    /// <summary>Makes the GPU's context the calling thread's.</summary>
    internal void MakeCurrent() => ThrowIfFailed(cuCtxSetCurrent(_context));

    internal static nint HandleOf(GpuStream stream) => ((CudaStream)stream).Handle;

    private static int Count(out string reason)
    {
        try
        {
            int status = cuInit(0);
            int count = 0;
            status = status == Success ? cuDeviceGetCount(out count) : status;
            reason = status == Success ? "it counts 0" : Failure(status, nameof(cuInit), "").Message.TrimEnd('.');
            return status == Success ? count : 0;
        }
        catch (UserErrorException lacking)
        {
            // So old a driver, or so far from one, that it lacks what counts GPUs.
            reason = lacking.Message.TrimEnd('.');
            return 0;
        }
    }
}
