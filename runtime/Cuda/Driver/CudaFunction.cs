using static GptEngine.Runtime.Native.Cuda.CudaNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>A kernel that the driver has loaded; lives as long as its module.</summary>
internal sealed class CudaFunction(CudaDriver driver, nint function, string name) : GpuFunction
{
    // As cuda.h numbers them.
    private const int MaximumThreads = 0, StaticShared = 1, Local = 3, Registers = 4, MaximumDynamicShared = 8;

    internal nint Handle => function;

    public override string Name => name;

    public override int StaticSharedBytes => Get(StaticShared);

    public override int LocalBytes => Get(Local);

    public override int RegisterCount => Get(Registers);

    public override int MaximumThreadsPerBlock => Get(MaximumThreads);

    public override int MaximumDynamicSharedBytes
    {
        get => Get(MaximumDynamicShared);
        set
        {
            driver.MakeCurrent();
            int status = cuFuncSetAttribute(function, MaximumDynamicShared, value);
            if (status != Success)
            {
                throw Failure(status, nameof(cuFuncSetAttribute), $"{name}, {value} bytes of dynamic shared memory: ");
            }
        }
    }

    private int Get(int attribute)
    {
        driver.MakeCurrent();
        ThrowIfFailed(cuFuncGetAttribute(out int value, attribute, function));
        return value;
    }
}
