using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>Where launchers work: a GPU, real or simulated, the stream that they enqueue to, and the cache that their kernels come from.</summary>
/// <param name="driver">The GPU.</param>
/// <param name="stream">Kernels run in the order in which they are launched here.</param>
/// <param name="cache">Compiles what it does not have.</param>
/// <param name="format">PTX for the simulated GPU and for one newer than the compiler; else machine code.</param>
public sealed class KernelQueue(GpuDriver driver, GpuStream stream, CompileCache cache, ImageFormat format) : IDisposable
{
    private readonly List<LaunchableKernel> _loaded = [];

    /// <summary>The GPU.</summary>
    public GpuDriver Driver => driver;

    /// <summary>The stream.</summary>
    public GpuStream Stream => stream;

    /// <summary>The architecture that kernels are compiled for.</summary>
    public ComputeCapability Target { get; init; } = ComputeCapability.FromNumber(driver.Properties.Architecture);

    /// <summary>Hears of what is enqueued here; null for nobody.</summary>
    public ILaunchObserver? Observer { get; set; }

    /// <summary>Those of the loaded kernels that have been launched.</summary>
    public IEnumerable<KernelInstance> Launched => _loaded.Where(kernel => kernel.HasRun).Select(kernel => kernel.Instance);

    /// <summary>The same on another stream, for kernels of its own.</summary>
    public KernelQueue Beside(GpuStream other) => new(driver, other, cache, format) { Target = Target };

    /// <summary>
    /// Whether a kernel can be loaded here: it is for the target, and, where it is made for one architecture alone, the compiler knows such
    /// targets and the GPU is of that one and no newer.
    /// </summary>
    public bool IsFor(KernelInstance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        return instance.IsFor(Target.Number)
            && (!instance.IsArchitectureSpecific || (Target.Number == driver.Properties.Architecture && cache.Compiler.KnowsSpecificTargets));
    }

    /// <summary>Compiles a kernel, or finds it compiled, and loads it. Not for use inside a step.</summary>
    public LaunchableKernel Load(KernelInstance instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (!IsFor(instance))
        {
            throw new NotSupportedException($"{instance} is not for {Target}: it needs other instructions, more shared memory than that has, or a newer compiler.");
        }

        if (stream.IsRecording)
        {
            throw new InvalidOperationException($"{instance} would be loaded while work is recorded: what the rehearsal before asked for was another kernel.");
        }

        CompiledImage image = cache.GetOrCompile(KernelSources.Request(Target, format, instance)).Image;
        GpuModule module = driver.LoadModule(image.Bytes.Span, instance.NameExpression);
        GpuFunction function = module.GetFunction(image.LoweredNames[instance.NameExpression]);
        if (instance.DynamicSharedBytes > function.MaximumDynamicSharedBytes)
        {
            function.MaximumDynamicSharedBytes = instance.DynamicSharedBytes;
        }

        var kernel = new LaunchableKernel(this, instance, module, function);
        _loaded.Add(kernel);
        return kernel;
    }

    /// <summary>Enqueues zeros.</summary>
    public void Clear(Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        Observer?.BeginLaunch();
        driver.Fill(PointerTo(destination), 0, destination.Bytes, stream);
        Observer?.EndLaunch("fill", "fill", null, new KernelCost(destination.Bytes, 0));
    }

    /// <summary>Enqueues a copy of the same size and type.</summary>
    public void Copy(Tensor source, Tensor destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        Observer?.BeginLaunch();
        driver.CopyOnDevice(PointerTo(destination), PointerTo(source), source.Bytes, stream);
        Observer?.EndLaunch("copy", "copy", null, new KernelCost(2 * source.Bytes, 0));
    }

    /// <summary>Compiles kernels that are not in the cache yet, on all cores. What does not compile says so when it is loaded.</summary>
    public void CompileAhead(IEnumerable<KernelInstance> instances) => Parallel.ForEach(
        instances.Where(IsFor), instance =>
        {
            try
            {
                cache.GetOrCompile(KernelSources.Request(Target, format, instance));
            }
            catch (CompileException)
            {
                // The same request fails the same way in Load, where somebody waits for it.
            }
        });

    /// <summary>Unloads every kernel that was loaded here; none of them may be running.</summary>
    public void Dispose()
    {
        foreach (LaunchableKernel kernel in _loaded)
        {
            kernel.Dispose();
        }

        _loaded.Clear();
    }

    /// <summary>The tensor's address, or a null pointer.</summary>
    internal static DevicePointer PointerTo(Tensor? tensor) => new(tensor?.Address ?? 0);

    /// <summary>Whether packs may be used on all of these: null ones do not matter.</summary>
    internal static bool AreAligned(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
        {
            if (tensor is not null && tensor.Address % DeviceTypes.PackBytes != 0)
            {
                return false;
            }
        }

        return true;
    }
}
