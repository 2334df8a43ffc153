using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A kernel on the simulated GPU.</summary>
internal sealed class SimulatedFunction(string module, TranslatedKernel kernel, GpuDeviceProperties properties) : GpuFunction
{
    private const int WithoutOptIn = 48 << 10;
    private int _maximumDynamicShared = WithoutOptIn - kernel.StaticSharedBytes;

    internal TranslatedKernel Kernel => kernel;

    /// <summary>What the module was loaded under.</summary>
    internal string Module => module;

    public override string Name => kernel.Name;

    public override int StaticSharedBytes => kernel.StaticSharedBytes;

    public override int LocalBytes => kernel.LocalBytes;

    /// <summary>PTX has no registers yet; the compiler's count is in the cubin.</summary>
    public override int RegisterCount => 0;

    public override int MaximumThreadsPerBlock =>
        kernel.Function.MaximumThreads > 0 ? kernel.Function.MaximumThreads : properties.MaximumThreadsPerBlock;

    public override int MaximumDynamicSharedBytes
    {
        get => _maximumDynamicShared;
        set => _maximumDynamicShared = value >= 0 && value + kernel.StaticSharedBytes <= properties.MaximumSharedBytesPerBlock
            ? value
            : throw new GpuException(
                "cuFuncSetAttribute",
                "CUDA_ERROR_INVALID_VALUE",
                $"{Name} asks for {value} bytes of dynamic shared memory beside its own {kernel.StaticSharedBytes}; {properties.Name} gives a block {properties.MaximumSharedBytesPerBlock}.");
    }
}
