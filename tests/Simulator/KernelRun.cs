using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Tests.Simulator;

/// <summary>A simulated GPU with one module, for tests: buffers in and out, findings at hand.</summary>
internal sealed unsafe class KernelRun : IDisposable
{
    private readonly GpuModule _module;

    internal KernelRun(string ptx, int architecture = 90, SimulatorOptions? options = null)
    {
        Driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), options ?? new SimulatorOptions { ThrowOnFinding = false, HostThreads = 2 });
        Stream = Driver.CreateStream();
        _module = Driver.LoadModule(Encoding.UTF8.GetBytes(ptx), "test");
    }

    internal SimulatedDriver Driver { get; }

    internal GpuStream Stream { get; }

    internal IReadOnlyList<Finding> Findings => Driver.LastLaunch!.Findings;

    internal GpuFunction Function(string name) => _module.GetFunction(name);

    internal DevicePointer Upload<T>(ReadOnlySpan<T> values, string name = "buffer")
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        DevicePointer pointer = Driver.Allocate(bytes.Length, name);
        fixed (byte* source = bytes)
        {
            Driver.CopyToDevice(pointer, (nint)source, bytes.Length, Stream);
        }

        return pointer;
    }

    internal DevicePointer Upload<T>(T[] values, string name = "buffer")
        where T : unmanaged => Upload(new ReadOnlySpan<T>(values), name);

    internal T[] Download<T>(DevicePointer pointer, int count)
        where T : unmanaged
    {
        var values = new T[count];
        fixed (T* target = values)
        {
            Driver.CopyToHost((nint)target, pointer, (long)count * sizeof(T), Stream);
        }

        return values;
    }

    internal LaunchReport Launch(string kernel, GridSize grid, GridSize block, int shared, params ReadOnlySpan<KernelArgument> arguments)
    {
        Driver.Launch(Function(kernel), new LaunchShape(grid, block, shared), Stream, arguments);
        return Driver.LastLaunch!;
    }

    public void Dispose()
    {
        _module.Dispose();
        Driver.Dispose();
    }
}
