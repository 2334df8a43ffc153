using GptEngine.Runtime.Native.Cuda;
using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>A module that the driver has loaded.</summary>
internal sealed class CudaModule(CudaDriver driver, nint module, string title) : GpuModule
{
    private readonly CudaHandle _module = new(module, cuModuleUnload);

    public override GpuFunction GetFunction(string name)
    {
        driver.MakeCurrent();
        int status = cuModuleGetFunction(out nint function, _module.Value, name);
        return status == Success ? new CudaFunction(driver, function, name) : throw Failure(status, nameof(cuModuleGetFunction), $"'{name}' in {title}: ");
    }

    public override (DevicePointer Pointer, long Bytes) GetVariable(string name)
    {
        driver.MakeCurrent();
        int status = cuModuleGetGlobal_v2(out ulong address, out nuint bytes, _module.Value, name);
        return status == Success
            ? (new DevicePointer(address), (long)bytes)
            : throw Failure(status, nameof(cuModuleGetGlobal_v2), $"'{name}' in {title}: ");
    }

    public override void Dispose()
    {
        driver.MakeCurrent();
        _module.Dispose();
    }
}
