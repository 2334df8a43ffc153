using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Tests.Training;

/// <summary>
/// A GPU that does nothing and allocates nothing managed: what is left of a step is the host's own work. Every step counts as a good one.
/// </summary>
internal unsafe class SilentDriver : GpuDriver
{
    private readonly HashSet<nuint> _memory = [];

    public override GpuDeviceProperties Properties { get; } = SimulatedGpus.H200;

    public override (long Free, long Total) MemoryInfo => (Properties.MemoryBytes, Properties.MemoryBytes);

    /// <summary>Whether its work never gets done: no event is passed.</summary>
    public bool IsHung { get; set; }

    /// <summary>Kernels launched so far.</summary>
    public long Launches { get; private set; }

    /// <summary>Kernels and graphs set going so far.</summary>
    public long Work { get; private set; }

    /// <summary>Copies from the host so far.</summary>
    public long Uploads { get; private set; }

    /// <summary>Copies to the host so far.</summary>
    public long Downloads { get; private set; }

    /// <summary>Calls so far that take or give back something, load, or wait for all work: none of a step's.</summary>
    public long Disruptions { get; private set; }

    /// <summary>Of the waits for an event: the least work that had been set going behind it, and keeps the GPU busy. Whoever asks sets it back.</summary>
    public long LeastWorkBehindAWait { get; set; } = long.MaxValue;

    public override GpuModule LoadModule(ReadOnlySpan<byte> image, string name)
    {
        Disruptions++;
        return new Module(name);
    }

    public override DevicePointer Allocate(long bytes, string name) => new((ulong)AllocatePinned(bytes));

    public override void Free(DevicePointer pointer) => FreePinned((nint)pointer.Address);

    public override nint AllocatePinned(long bytes)
    {
        Disruptions++;
        nint pointer = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 256);
        NativeMemory.Clear((void*)pointer, (nuint)bytes);
        _memory.Add((nuint)pointer);
        return pointer;
    }

    public override void FreePinned(nint pointer)
    {
        Disruptions++;
        if (_memory.Remove((nuint)pointer))
        {
            NativeMemory.AlignedFree((void*)pointer);
        }
    }

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream)
    {
        // Silent.
    }

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream) => Uploads++;

    /// <summary>The scalars alone come back, all of them 1.</summary>
    public override void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream)
    {
        Downloads++;
        if (bytes == StepScalars.Count * sizeof(float))
        {
            new Span<float>((void*)destination, StepScalars.Count).Fill(1);
        }
    }

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream)
    {
        // Silent.
    }

    public override GpuStream CreateStream()
    {
        Disruptions++;
        return new Stream(this);
    }

    public override GpuEvent CreateEvent()
    {
        Disruptions++;
        return new Event(this);
    }

    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        Launches++;
        Work++;
    }

    public override int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes) => 1;

    public override void Synchronize() => Disruptions++;

    public override void Dispose()
    {
        foreach (nuint pointer in _memory)
        {
            NativeMemory.AlignedFree((void*)pointer);
        }

        _memory.Clear();
    }

    /// <summary>A compiler of nothing: each kernel is called what it was asked for.</summary>
    internal sealed class Compiler : IKernelCompiler
    {
        public Version Version { get; } = new(1, 0);

        public bool KnowsSpecificTargets => true;

        public CompiledImage Compile(CompileRequest request)
        {
            var names = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (string name in request.NameExpressions)
            {
                names[name] = name;
            }

            return new CompiledImage(request.Format, request.Target, new byte[] { 0 }, "", names, Version);
        }
    }

    private sealed class Module(string title) : GpuModule
    {
        public override GpuFunction GetFunction(string name) => new Function(name);

        public override (DevicePointer Pointer, long Bytes) GetVariable(string name) => throw new NotSupportedException($"{name} in {title}");

        public override void Dispose()
        {
            // Holds nothing.
        }
    }

    private sealed class Function(string name) : GpuFunction
    {
        public override string Name => name;

        public override int StaticSharedBytes => 0;

        public override int LocalBytes => 0;

        public override int RegisterCount => 0;

        public override int MaximumThreadsPerBlock => 1024;

        public override int MaximumDynamicSharedBytes { get; set; } = 48 << 10;
    }

    private sealed class Stream(SilentDriver driver) : GpuStream
    {
        public override bool IsIdle => true;

        public override void Synchronize() => driver.Disruptions++;

        public override void Wait(GpuEvent signal)
        {
            // As above.
        }

        public override void AddCallback(Action callback) => callback();

        public override void BeginCapture() => driver.Disruptions++;

        public override GpuGraph EndCapture() => new Graph(driver);

        public override void Dispose()
        {
            // Holds nothing.
        }
    }

    private sealed class Graph(SilentDriver driver) : GpuGraph
    {
        public override void Launch(GpuStream stream) => driver.Work++;

        public override void Dispose()
        {
            // Holds nothing.
        }
    }

    private sealed class Event(SilentDriver driver) : GpuEvent
    {
        private long _workBefore;

        public override bool IsDone => !driver.IsHung;

        public override void Record(GpuStream stream) => _workBefore = driver.Work;

        public override void Synchronize() => driver.LeastWorkBehindAWait = Math.Min(driver.LeastWorkBehindAWait, driver.Work - _workBefore);

        public override double ElapsedMsSince(GpuEvent start) => 0;

        public override void Dispose()
        {
            // Holds nothing.
        }
    }
}
