using System;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Common;

/// <summary>A loaded kernel with the block it was compiled for. Disposing unloads it.</summary>
public sealed class LaunchableKernel : IDisposable
{
    private readonly KernelQueue _queue;
    private readonly GpuModule _module;
    private readonly GpuFunction _function;

    internal LaunchableKernel(KernelQueue queue, KernelInstance instance, GpuModule module, GpuFunction function) =>
        (_queue, Instance, _module, _function) = (queue, instance, module, function);

    /// <summary>What it is.</summary>
    public KernelInstance Instance { get; }

    /// <summary>Whether it has been launched.</summary>
    public bool HasRun { get; private set; }

    /// <summary>Enqueues it over <paramref name="gridX"/> × <paramref name="gridY"/> blocks.</summary>
    public void Launch(long gridX, int gridY, params ReadOnlySpan<KernelArgument> arguments)
    {
        var shape = new LaunchShape(new GridSize(checked((int)gridX), gridY), new GridSize(Instance.BlockX, Instance.BlockY), Instance.DynamicSharedBytes);
        _queue.Observer?.BeginLaunch();
        _queue.Driver.Launch(_function, shape, _queue.Stream, arguments);
        _queue.Observer?.EndLaunch(Instance.NameExpression, Instance.Folder, shape, null);
        HasRun = true;
    }

    public void Dispose() => _module.Dispose();
}
