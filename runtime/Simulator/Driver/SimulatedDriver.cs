using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A GPU that runs PTX on the processor, behind the interface of a real one.</summary>
public sealed unsafe class SimulatedDriver : GpuDriver
{
    private readonly SimulatorOptions _options;
    private readonly List<LaunchReport> _launches = [];
    private readonly List<SimulatedStream> _streams = [];

    public SimulatedDriver(GpuDeviceProperties properties, SimulatorOptions? options = null)
    {
        Properties = properties;
        _options = options ?? new SimulatorOptions();
    }

    public override GpuDeviceProperties Properties { get; }

    public override (long Free, long Total) MemoryInfo => (Properties.MemoryBytes - Memory.UsedBytes, Properties.MemoryBytes);

    /// <summary>Reports of the launches so far, where the options keep them.</summary>
    public IReadOnlyList<LaunchReport> Launches => _launches;

    /// <summary>The report of the latest launch.</summary>
    public LaunchReport? LastLaunch { get; private set; }

    internal DeviceMemory Memory { get; } = new();

    public override GpuModule LoadModule(ReadOnlySpan<byte> image, string name)
    {
        if (image.StartsWith("\x7FELF"u8))
        {
            throw new GpuException("cuModuleLoadData", "CUDA_ERROR_NO_BINARY_FOR_GPU", $"{name} is machine code; the simulated GPU runs PTX.");
        }

        PtxModule module;
        try
        {
            module = PtxParser.Parse(Encoding.UTF8.GetString(image));
        }
        catch (PtxSyntaxException e)
        {
            throw new GpuException("cuModuleLoadData", "CUDA_ERROR_INVALID_PTX", $"{name}: {e.Message}", e);
        }

        if (module.Target > Properties.Architecture)
        {
            throw new GpuException(
                "cuModuleLoadData", "CUDA_ERROR_INVALID_PTX", $"{name} is for sm_{module.Target}, newer than {Properties.Name} (sm_{Properties.Architecture}).");
        }

        if (module.IsArchitectureSpecific && module.Target != Properties.Architecture)
        {
            throw new GpuException(
                "cuModuleLoadData", "CUDA_ERROR_INVALID_PTX", $"{name} is for sm_{module.Target}a alone, and {Properties.Name} is sm_{Properties.Architecture}.");
        }

        return new SimulatedModule(this, module, name);
    }

    public override DevicePointer Allocate(long bytes, string name)
    {
        if (bytes <= 0)
        {
            throw new GpuException("cuMemAlloc", "CUDA_ERROR_INVALID_VALUE", $"{name}: {bytes} bytes cannot be allocated.");
        }

        if (bytes > MemoryInfo.Free)
        {
            throw new GpuException("cuMemAlloc", "CUDA_ERROR_OUT_OF_MEMORY", $"{name}: {bytes} bytes of {MemoryInfo.Free} free ones.");
        }

        return new DevicePointer(Memory.Allocate(bytes, name).Address);
    }

    public override void Free(DevicePointer pointer)
    {
        // As the driver does: what still runs may use it.
        Synchronize();
        Memory.Free(Find("cuMemFree", pointer.Address, exact: true));
    }

    public override nint AllocatePinned(long bytes)
    {
        byte* host = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 4096);
        Memory.Register(host, bytes, "pinned host memory");
        return (nint)host;
    }

    public override void FreePinned(nint pointer)
    {
        Memory.Free(Find("cuMemFreeHost", (ulong)pointer, exact: true));
        NativeMemory.AlignedFree((void*)pointer);
    }

    public override void Fill(DevicePointer destination, byte value, long bytes, GpuStream stream) => Add(stream, () =>
    {
        byte* target = Range("cuMemsetD8", destination, bytes, write: true);
        NativeMemory.Fill(target, (nuint)bytes, value);
    });

    public override void CopyToDevice(DevicePointer destination, nint source, long bytes, GpuStream stream) => Add(stream, () =>
        Buffer.MemoryCopy((void*)source, Range("cuMemcpyHtoDAsync", destination, bytes, write: true), bytes, bytes));

    public override void CopyToHost(nint destination, DevicePointer source, long bytes, GpuStream stream) => Add(stream, () =>
        Buffer.MemoryCopy(Range("cuMemcpyDtoHAsync", source, bytes, write: false), (void*)destination, bytes, bytes));

    public override void CopyOnDevice(DevicePointer destination, DevicePointer source, long bytes, GpuStream stream) => Add(stream, () =>
    {
        DeviceAllocation from = Find("cuMemcpyDtoDAsync", source.Address, exact: false);
        DeviceAllocation to = Find("cuMemcpyDtoDAsync", destination.Address, exact: false);
        byte* origin = Range("cuMemcpyDtoDAsync", source, bytes, write: false);
        byte* target = Range("cuMemcpyDtoDAsync", destination, bytes, write: false);
        Buffer.MemoryCopy(origin, target, bytes, bytes);

        // What nothing has written stays so in the copy.
        Buffer.MemoryCopy(
            from.Written + (source.Address - from.Address), to.Written + (destination.Address - to.Address), bytes, bytes);
    });

    public override GpuStream CreateStream()
    {
        var stream = new SimulatedStream(isLate: _options.Order == (_streams.Count == 0 ? StreamOrder.FirstLate : StreamOrder.OthersLate));
        _streams.Add(stream);
        return stream;
    }

    public override GpuEvent CreateEvent() => new SimulatedEvent();

    public override void Launch(GpuFunction function, in LaunchShape shape, GpuStream stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        var target = (SimulatedFunction)function;
        LaunchChecks.Check(target, shape, Properties, arguments);
        var block = new byte[Math.Max(1, target.Kernel.ParameterBytes)];
        fixed (byte* start = block)
        {
            for (int i = 0; i < arguments.Length; i++)
            {
                arguments[i].CopyTo(start + target.Kernel.ParameterOffsets[i]);
            }
        }

        LaunchShape fixedShape = shape;
        Add(stream, () => Run(target, fixedShape, block));
    }

    public override int MaximumActiveBlocks(GpuFunction function, int threadsPerBlock, int dynamicSharedBytes)
    {
        int warps = (threadsPerBlock + 31) / 32;
        int shared = function.StaticSharedBytes + dynamicSharedBytes;
        int byThreads = Properties.MaximumThreadsPerMultiprocessor / (warps * 32);
        int byShared = shared == 0 ? int.MaxValue : Properties.SharedBytesPerMultiprocessor / shared;
        return Math.Min(Properties.MaximumBlocksPerMultiprocessor, Math.Min(byThreads, byShared));
    }

    public override void Synchronize() => _streams.ForEach(stream => stream.RunTo(stream.Given));

    /// <summary>Device memory that was never freed, each a finding of the kind <see cref="FindingKind.Leak"/>.</summary>
    public IReadOnlyList<Finding> FindLeaks() => [.. Memory.Live().Where(a => a.Variable is null).Select(a => new Finding
    {
        Kind = FindingKind.Leak,
        Kernel = "",
        Message = $"{a.Name} of {a.Size} bytes was not freed.",
    })];

    public override void Dispose() => Memory.Dispose();

    /// <summary>
    /// Queues work that a library does on a GPU and the host does here, and reports it as a launch of one thread with the counters given:
    /// so it is captured, replayed and counted like any other.
    /// </summary>
    internal void RunLibrary(GpuStream stream, string name, long bytes, long flops, Action work) => Add(stream, () =>
    {
        long start = Stopwatch.GetTimestamp();
        work();
        var counters = new LaunchCounters { GlobalLoadBytes = bytes, Float32Operations = flops };
        LastLaunch = new LaunchReport(name, name, new LaunchShape(1, 1), counters, [], Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (_options.KeepReports)
        {
            _launches.Add(LastLaunch);
        }
    });

    /// <summary>Device memory that a library reads: within bounds, and, where that is checked, written before.</summary>
    internal byte* Reading(string call, DevicePointer pointer, long bytes)
    {
        byte* data = Range(call, pointer, bytes, write: false);
        DeviceAllocation allocation = Find(call, pointer.Address, exact: false);
        long offset = (long)(pointer.Address - allocation.Address);
        if (_options.Checks.HasFlag(SimulatorChecks.Uninitialized) && new ReadOnlySpan<byte>(allocation.Written + offset, checked((int)bytes)).Contains((byte)0))
        {
            var finding = new Finding { Kind = FindingKind.Uninitialized, Kernel = "", Message = $"{call} reads bytes of {allocation.Name} that nothing wrote." };
            throw new KernelFaultException([finding]);
        }

        return data;
    }

    /// <summary>Device memory that a library writes.</summary>
    internal byte* Writing(string call, DevicePointer pointer, long bytes) => Range(call, pointer, bytes, write: true);

    private static void Add(GpuStream stream, Action work) => ((SimulatedStream)stream).Add(work);

    private void Run(SimulatedFunction function, LaunchShape shape, byte[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<Finding> findings;
        LaunchCounters counters;
        fixed (byte* parameters = arguments)
        {
            var launch = new LaunchContext
            {
                Kernel = function.Kernel,
                Memory = Memory,
                Grid = new Dimensions(shape.Grid.X, shape.Grid.Y, shape.Grid.Z),
                BlockShape = new Dimensions(shape.Block.X, shape.Block.Y, shape.Block.Z),
                Parameters = parameters,
                DynamicSharedBytes = shape.SharedBytes,
                Checks = _options.Checks,
            };
            counters = new LaunchRunner(launch, _options.HostThreads).Run();
            findings = launch.Findings.ToList();
        }

        foreach (DeviceAllocation allocation in Memory.Live())
        {
            allocation.Races.Clear();
        }

        LastLaunch = new LaunchReport(function.Module, function.Name, shape, counters, findings, Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (_options.KeepReports)
        {
            _launches.Add(LastLaunch);
        }

        if (findings.Count > 0 && _options.ThrowOnFinding)
        {
            throw new KernelFaultException(findings);
        }
    }

    private DeviceAllocation Find(string call, ulong address, bool exact)
    {
        DeviceAllocation? allocation = Memory.FindBelow(address);
        return allocation is { IsFreed: false } && (exact ? allocation.Address == address : allocation.Contains(address, 0))
            ? allocation
            : throw new GpuException(call, "CUDA_ERROR_INVALID_VALUE", $"0x{address:x} is {(allocation is { IsFreed: true } && allocation.Address == address ? "freed already" : "no allocated device memory")}.");
    }

    private byte* Range(string call, DevicePointer pointer, long bytes, bool write)
    {
        DeviceAllocation allocation = Find(call, pointer.Address, exact: false);
        if (!allocation.Contains(pointer.Address, bytes))
        {
            throw new GpuException(
                call, "CUDA_ERROR_INVALID_VALUE", $"{bytes} bytes at byte {pointer.Address - allocation.Address} of {allocation.Name} reach past its {allocation.Size}.");
        }

        long offset = (long)(pointer.Address - allocation.Address);
        if (write)
        {
            NativeMemory.Fill(allocation.Written + offset, (nuint)bytes, 1);
        }

        return allocation.Data + offset;
    }
}
