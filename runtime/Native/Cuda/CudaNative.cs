using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Native.Cuda;

/// <summary>
/// The driver's C interface, by the addresses that <see cref="CudaEntryPoints"/> has asked the driver for. Names say which form of a function
/// is meant (<c>cuMemAlloc_v2</c>); argument lists follow cuda.h. Every call returns a status, to be handed to <see cref="ThrowIfFailed"/>.
/// </summary>
internal static unsafe class CudaNative
{
    internal const int Success = 0, OutOfMemory = 2, NoDevice = 100, NotReady = 600;

    internal static int cuInit(uint flags) =>
        ((delegate* unmanaged[Cdecl]<uint, int>)At(CudaEntryPoint.Init))(flags);

    internal static int cuGetErrorName(int error, out byte* name) =>
        ((delegate* unmanaged[Cdecl]<int, out byte*, int>)At(CudaEntryPoint.GetErrorName))(error, out name);

    internal static int cuGetErrorString(int error, out byte* text) =>
        ((delegate* unmanaged[Cdecl]<int, out byte*, int>)At(CudaEntryPoint.GetErrorString))(error, out text);

    internal static int cuDeviceGetCount(out int count) =>
        ((delegate* unmanaged[Cdecl]<out int, int>)At(CudaEntryPoint.DeviceGetCount))(out count);

    internal static int cuDeviceGet(out int device, int ordinal) =>
        ((delegate* unmanaged[Cdecl]<out int, int, int>)At(CudaEntryPoint.DeviceGet))(out device, ordinal);

    internal static int cuDeviceGetName(byte* name, int length, int device) =>
        ((delegate* unmanaged[Cdecl]<byte*, int, int, int>)At(CudaEntryPoint.DeviceGetName))(name, length, device);

    internal static int cuDeviceGetPCIBusId(byte* busId, int length, int device) =>
        ((delegate* unmanaged[Cdecl]<byte*, int, int, int>)At(CudaEntryPoint.DeviceGetPCIBusId))(busId, length, device);

    internal static int cuDeviceTotalMem_v2(out nuint bytes, int device) =>
        ((delegate* unmanaged[Cdecl]<out nuint, int, int>)At(CudaEntryPoint.DeviceTotalMem))(out bytes, device);

    internal static int cuDeviceGetAttribute(out int value, int attribute, int device) =>
        ((delegate* unmanaged[Cdecl]<out int, int, int, int>)At(CudaEntryPoint.DeviceGetAttribute))(out value, attribute, device);

    internal static int cuDevicePrimaryCtxRetain(out nint context, int device) =>
        ((delegate* unmanaged[Cdecl]<out nint, int, int>)At(CudaEntryPoint.DevicePrimaryCtxRetain))(out context, device);

    internal static int cuDevicePrimaryCtxRelease_v2(int device) =>
        ((delegate* unmanaged[Cdecl]<int, int>)At(CudaEntryPoint.DevicePrimaryCtxRelease))(device);

    internal static int cuCtxSetCurrent(nint context) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.CtxSetCurrent))(context);

    internal static int cuCtxSynchronize() =>
        ((delegate* unmanaged[Cdecl]<int>)At(CudaEntryPoint.CtxSynchronize))();

    internal static int cuModuleLoadData(out nint module, byte* image) =>
        ((delegate* unmanaged[Cdecl]<out nint, byte*, int>)At(CudaEntryPoint.ModuleLoadData))(out module, image);

    internal static int cuModuleUnload(nint module) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.ModuleUnload))(module);

    internal static int cuModuleGetFunction(out nint function, nint module, string name)
    {
        fixed (byte* text = Terminated(name))
        {
            return ((delegate* unmanaged[Cdecl]<out nint, nint, byte*, int>)At(CudaEntryPoint.ModuleGetFunction))(out function, module, text);
        }
    }

    internal static int cuModuleGetGlobal_v2(out ulong address, out nuint bytes, nint module, string name)
    {
        fixed (byte* text = Terminated(name))
        {
            return ((delegate* unmanaged[Cdecl]<out ulong, out nuint, nint, byte*, int>)At(CudaEntryPoint.ModuleGetGlobal))(out address, out bytes, module, text);
        }
    }

    internal static int cuFuncGetAttribute(out int value, int attribute, nint function) =>
        ((delegate* unmanaged[Cdecl]<out int, int, nint, int>)At(CudaEntryPoint.FuncGetAttribute))(out value, attribute, function);

    internal static int cuFuncSetAttribute(nint function, int attribute, int value) =>
        ((delegate* unmanaged[Cdecl]<nint, int, int, int>)At(CudaEntryPoint.FuncSetAttribute))(function, attribute, value);

    internal static int cuOccupancyMaxActiveBlocksPerMultiprocessor(out int blocks, nint function, int threads, nuint dynamicSharedBytes) =>
        ((delegate* unmanaged[Cdecl]<out int, nint, int, nuint, int>)At(CudaEntryPoint.OccupancyMaxActiveBlocksPerMultiprocessor))(out blocks, function, threads, dynamicSharedBytes);

    internal static int cuMemGetInfo_v2(out nuint free, out nuint total) =>
        ((delegate* unmanaged[Cdecl]<out nuint, out nuint, int>)At(CudaEntryPoint.MemGetInfo))(out free, out total);

    internal static int cuMemAlloc_v2(out ulong address, nuint bytes) =>
        ((delegate* unmanaged[Cdecl]<out ulong, nuint, int>)At(CudaEntryPoint.MemAlloc))(out address, bytes);

    internal static int cuMemFree_v2(ulong address) =>
        ((delegate* unmanaged[Cdecl]<ulong, int>)At(CudaEntryPoint.MemFree))(address);

    internal static int cuMemHostAlloc(out nint pointer, nuint bytes, uint flags) =>
        ((delegate* unmanaged[Cdecl]<out nint, nuint, uint, int>)At(CudaEntryPoint.MemHostAlloc))(out pointer, bytes, flags);

    internal static int cuMemFreeHost(nint pointer) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.MemFreeHost))(pointer);

    internal static int cuMemsetD8Async(ulong destination, byte value, nuint bytes, nint stream) =>
        ((delegate* unmanaged[Cdecl]<ulong, byte, nuint, nint, int>)At(CudaEntryPoint.MemsetD8Async))(destination, value, bytes, stream);

    internal static int cuMemcpyHtoDAsync_v2(ulong destination, nint source, nuint bytes, nint stream) =>
        ((delegate* unmanaged[Cdecl]<ulong, nint, nuint, nint, int>)At(CudaEntryPoint.MemcpyHtoDAsync))(destination, source, bytes, stream);

    internal static int cuMemcpyDtoHAsync_v2(nint destination, ulong source, nuint bytes, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, ulong, nuint, nint, int>)At(CudaEntryPoint.MemcpyDtoHAsync))(destination, source, bytes, stream);

    internal static int cuMemcpyDtoDAsync_v2(ulong destination, ulong source, nuint bytes, nint stream) =>
        ((delegate* unmanaged[Cdecl]<ulong, ulong, nuint, nint, int>)At(CudaEntryPoint.MemcpyDtoDAsync))(destination, source, bytes, stream);

    internal static int cuStreamCreate(out nint stream, uint flags) =>
        ((delegate* unmanaged[Cdecl]<out nint, uint, int>)At(CudaEntryPoint.StreamCreate))(out stream, flags);

    internal static int cuStreamDestroy_v2(nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.StreamDestroy))(stream);

    internal static int cuStreamSynchronize(nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.StreamSynchronize))(stream);

    internal static int cuStreamQuery(nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.StreamQuery))(stream);

    internal static int cuStreamWaitEvent(nint stream, nint signal, uint flags) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, uint, int>)At(CudaEntryPoint.StreamWaitEvent))(stream, signal, flags);

    internal static int cuLaunchHostFunc(nint stream, delegate* unmanaged[Cdecl]<nint, void> function, nint state) =>
        ((delegate* unmanaged[Cdecl]<nint, delegate* unmanaged[Cdecl]<nint, void>, nint, int>)At(CudaEntryPoint.LaunchHostFunc))(stream, function, state);

    internal static int cuStreamBeginCapture_v2(nint stream, int mode) =>
        ((delegate* unmanaged[Cdecl]<nint, int, int>)At(CudaEntryPoint.StreamBeginCapture))(stream, mode);

    internal static int cuStreamEndCapture(nint stream, out nint graph) =>
        ((delegate* unmanaged[Cdecl]<nint, out nint, int>)At(CudaEntryPoint.StreamEndCapture))(stream, out graph);

    internal static int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags) =>
        ((delegate* unmanaged[Cdecl]<out nint, nint, ulong, int>)At(CudaEntryPoint.GraphInstantiateWithFlags))(out executable, graph, flags);

    internal static int cuGraphLaunch(nint executable, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, int>)At(CudaEntryPoint.GraphLaunch))(executable, stream);

    internal static int cuGraphExecDestroy(nint executable) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.GraphExecDestroy))(executable);

    internal static int cuGraphDestroy(nint graph) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.GraphDestroy))(graph);

    internal static int cuEventCreate(out nint signal, uint flags) =>
        ((delegate* unmanaged[Cdecl]<out nint, uint, int>)At(CudaEntryPoint.EventCreate))(out signal, flags);

    internal static int cuEventDestroy_v2(nint signal) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.EventDestroy))(signal);

    internal static int cuEventRecord(nint signal, nint stream) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, int>)At(CudaEntryPoint.EventRecord))(signal, stream);

    internal static int cuEventSynchronize(nint signal) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.EventSynchronize))(signal);

    internal static int cuEventQuery(nint signal) =>
        ((delegate* unmanaged[Cdecl]<nint, int>)At(CudaEntryPoint.EventQuery))(signal);

    internal static int cuEventElapsedTime(out float milliseconds, nint start, nint end) =>
        ((delegate* unmanaged[Cdecl]<out float, nint, nint, int>)At(CudaEntryPoint.EventElapsedTime))(out milliseconds, start, end);

    internal static int cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** arguments, void** extra) =>
        ((delegate* unmanaged[Cdecl]<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)At(CudaEntryPoint.LaunchKernel))(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, arguments, extra);

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

    private static nint At(CudaEntryPoint function) => CudaEntryPoints.OfThisProcess[function];

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');
}
