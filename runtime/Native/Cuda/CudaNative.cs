using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Native.Cuda;

/// <summary>
/// The driver's C interface, by the names under which libcuda exports the versions used here (<c>cuMemAlloc_v2</c>): those names keep their
/// meaning in every driver since CUDA 11.4, so that one binary serves majors 11 to 13. Argument lists follow cuda.h. Every call returns a
/// status, to be handed to <see cref="ThrowIfFailed"/>.
/// </summary>
internal static unsafe partial class CudaNative
{
    internal const int Success = 0, OutOfMemory = 2, NoDevice = 100, NotReady = 600;
    private const string Library = "cuda";

    [LibraryImport(Library)]
    internal static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    internal static partial int cuGetErrorName(int error, out byte* name);

    [LibraryImport(Library)]
    internal static partial int cuGetErrorString(int error, out byte* text);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetPCIBusId(byte* busId, int length, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceTotalMem_v2(out nuint bytes, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetAttribute(out int value, int attribute, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    internal static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    internal static partial int cuCtxSynchronize();

    [LibraryImport(Library)]
    internal static partial int cuModuleLoadData(out nint module, byte* image);

    [LibraryImport(Library)]
    internal static partial int cuModuleUnload(nint module);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int cuModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int cuModuleGetGlobal_v2(out ulong address, out nuint bytes, nint module, string name);

    [LibraryImport(Library)]
    internal static partial int cuFuncGetAttribute(out int value, int attribute, nint function);

    [LibraryImport(Library)]
    internal static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(Library)]
    internal static partial int cuOccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int threads, nuint dynamicSharedBytes);

    [LibraryImport(Library)]
    internal static partial int cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(Library)]
    internal static partial int cuMemAlloc_v2(out ulong address, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cuMemFree_v2(ulong address);

    [LibraryImport(Library)]
    internal static partial int cuMemHostAlloc(out nint pointer, nuint bytes, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuMemFreeHost(nint pointer);

    [LibraryImport(Library)]
    internal static partial int cuMemsetD8Async(ulong destination, byte value, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyHtoDAsync_v2(ulong destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoHAsync_v2(nint destination, ulong source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoDAsync_v2(ulong destination, ulong source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamQuery(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamWaitEvent(nint stream, nint signal, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuLaunchHostFunc(nint stream, delegate* unmanaged[Cdecl]<nint, void> function, nint state);

    [LibraryImport(Library)]
    internal static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    internal static partial int cuStreamEndCapture(nint stream, out nint graph);

    [LibraryImport(Library)]
    internal static partial int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    internal static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    internal static partial int cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    internal static partial int cuEventCreate(out nint signal, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuEventDestroy_v2(nint signal);

    [LibraryImport(Library)]
    internal static partial int cuEventRecord(nint signal, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuEventSynchronize(nint signal);

    [LibraryImport(Library)]
    internal static partial int cuEventQuery(nint signal);

    [LibraryImport(Library)]
    internal static partial int cuEventElapsedTime(out float milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    internal static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** arguments,
        void** extra);

    /// <summary>The one check of every status.</summary>
    /// <exception cref="GpuException">Names the call, the code and the driver's own sentence.</exception>
    internal static void ThrowIfFailed(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != Success)
        {
            throw Failure(status, call, "");
        }
    }

    /// <summary>What to throw for a status; <paramref name="context"/> stands before the driver's sentence.</summary>
    internal static GpuException Failure(int status, string call, string context)
    {
        string expression = call[(call.IndexOf('.', System.StringComparison.Ordinal) + 1)..];
        int bracket = expression.IndexOf('(', System.StringComparison.Ordinal);
        string code = cuGetErrorName(status, out byte* name) == Success ? Marshal.PtrToStringUTF8((nint)name)! : $"CUDA_ERROR {status}";
        string sentence = cuGetErrorString(status, out byte* text) == Success ? Marshal.PtrToStringUTF8((nint)text)! : "no description";
        return new GpuException(bracket < 0 ? expression : expression[..bracket], code, $"{context}{sentence}.");
    }
}
