using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>
/// A simulated GPU whose kernels compute as they do, and take the time that a test gives them: a clock that launches alone move. It can refuse a
/// kernel, fault in it for good, and spoil a number of what it wrote.
/// </summary>
internal sealed unsafe class ScriptedDriver(GpuDeviceProperties gpu) : GpuDriver
{
    private readonly SimulatedDriver _inner = new(gpu, new SimulatorOptions { Checks = SimulatorChecks.None, HostThreads = 2 });
    private double _clockMs;

    /// <summary>Milliseconds of a launch by a part of the kernel's name; 1 for the rest.</summary>
    public Dictionary<string, double> Times { get; init; } = [];

    /// <summary>A part of the name of kernels that cannot be launched.</summary>
    public string? Refused { get; init; }

    /// <summary>A part of the name of kernels after which every call fails.</summary>
    public string? Deadly { get; init; }

    /// <summary>A kernel's part of a name, the argument that it writes to, and the 16-bit number there that comes out as 3.</summary>
    public (string Kernel, int Argument, long Element)? Spoiled { get; init; }

    public bool IsDead { get; private set; }

    /// <summary>Kernels launched, with the stream that they were launched to.</summary>
    public List<(string Kernel, GpuStream Stream)> Launched { get; } = [];

    public override GpuDeviceProperties Properties => gpu;

    public override (long Free, long Total) MemoryInfo => _inner.MemoryInfo;

    public override GpuModule LoadModule(ReadOnlySpan<byte> image, string name) => _inner.LoadModule(image, name);

    public override DevicePointer Allocate(long bytes, string name) => _inner.Allocate(bytes, name);

    public override void Free(DevicePointer pointer) => _inner.Free(pointer);

    public override nint AllocatePinned(long bytes) => _inner.AllocatePinned(bytes);

    public override void FreePinned(nint pointer) => _inner.FreePinned(pointer);

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream) => _inner.Fill(destination, value, bytes, stream);

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream) =>
        _inner.CopyToDevice(destination, source, bytes, stream);

    public override void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream) =>
        _inner.CopyToHost(destination, source, bytes, stream);

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream) =>
        _inner.CopyOnDevice(destination, source, bytes, stream);

    public override GpuStream CreateStream() => _inner.CreateStream();

    public override GpuEvent CreateEvent() => new Event(this, _inner.CreateEvent());

    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        ThrowIfDead();
        bool Is(string? part) => part is not null && function.Name.Contains(part, StringComparison.Ordinal);
        if (Is(Refused))
        {
            throw new GpuException("cuLaunchKernel", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch");
        }

        _inner.Launch(function, shape, stream, arguments);
        Launched.Add((function.Name, stream));
        _clockMs += Times.Where(time => Is(time.Key)).Select(time => time.Value).DefaultIfEmpty(1).First();
        IsDead = Is(Deadly);
        if (Spoiled is { } spoiled && Is(spoiled.Kernel))
        {
            ulong address;
            arguments[spoiled.Argument].CopyTo((byte*)&address);
            ushort three = BitConverter.HalfToUInt16Bits((Half)3);
            _inner.CopyToDevice(new DevicePointer(address + (2 * (ulong)spoiled.Element)), (nint)(&three), sizeof(ushort), stream);
            stream.Synchronize();
        }
    }

    public override int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes) =>
        _inner.MaximumActiveBlocks(function, threadsPerBlock, dynamicSharedBytes);

    public override void Synchronize()
    {
        ThrowIfDead();
        _inner.Synchronize();
    }

    public override void Dispose() => _inner.Dispose();

    private void ThrowIfDead()
    {
        if (IsDead)
        {
            throw new GpuException("cuCtxSynchronize", "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered");
        }
    }

    private sealed class Event(ScriptedDriver driver, GpuEvent inner) : GpuEvent
    {
        private double _ms;

        public override bool IsDone
        {
            get
            {
                driver.ThrowIfDead();
                return inner.IsDone;
            }
        }

        public override void Record(GpuStream stream)
        {
            _ms = driver._clockMs;
            inner.Record(stream);
        }

        public override void Synchronize() => inner.Synchronize();

        public override double ElapsedMsSince(GpuEvent start) => _ms - ((Event)start)._ms;

        public override void Dispose() => inner.Dispose();
    }
}
