using System;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Tensor;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>
/// The state of a warp: its registers (a row of 32 lanes each), its splits, its local memory. Made once for each place in a block and
/// used again for every block that a host thread runs.
/// </summary>
internal sealed unsafe class Warp : IDisposable
{
    internal const int Lanes = 32;

    private readonly void* _memory;

    internal Warp(ThreadBlock block, int index, TranslatedKernel kernel)
    {
        Block = block;
        Index = index;
        Kernel = kernel;
        Sites = kernel.Sites;
        nuint scratch = Lanes * sizeof(ulong);
        nuint local = (nuint)kernel.LocalBytes * Lanes;
        _memory = NativeMemory.AlignedAlloc((nuint)kernel.RegisterBytes + (4 * scratch) + (2 * local) + 256, 64);
        Registers = (byte*)_memory;
        Addresses = (ulong*)(Registers + kernel.RegisterBytes);
        Pointers = (nint*)(Addresses + Lanes);
        Sectors = Addresses + (2 * Lanes);
        Scratch = Addresses + (3 * Lanes);
        Local = (byte*)(Addresses + (4 * Lanes));
        LocalWritten = Local + local;
        Clock = BlockClock.New();
        ProductRegisters = new ProductRegisters(kernel.ProductRegisterCount);
    }

    internal ThreadBlock Block { get; }

    internal TranslatedKernel Kernel { get; }

    /// <summary>The warp's place in its block.</summary>
    internal int Index { get; }

    internal MemorySite[] Sites { get; }

    internal byte* Registers { get; }

    /// <summary>The address of each lane in the access that is under way.</summary>
    internal ulong* Addresses { get; }

    /// <summary>The place in host memory of each lane's access.</summary>
    internal nint* Pointers { get; }

    internal ulong* Sectors { get; }

    internal ulong* Scratch { get; }

    /// <summary>Local memory, a lane's bytes side by side, and which of them were written.</summary>
    internal byte* Local { get; }

    internal byte* LocalWritten { get; }

    /// <summary>Lanes that stand for a thread; the last warp of a block may have fewer than 32.</summary>
    internal uint Existing { get; private set; }

    /// <summary>Lanes that have not ended.</summary>
    internal uint Live { get; set; }

    internal Split[] Splits { get; } = new Split[Lanes];

    internal int SplitCount { get; set; }

    /// <summary>Blocks run so far.</summary>
    internal long Runs { get; set; }

    /// <summary>Set where the block's other warps should have their turn.</summary>
    internal bool IsYielding { get; set; }

    /// <summary>Set where it found that what it waits for has not come.</summary>
    internal bool IsWaiting { get; set; }

    /// <summary>Instructions run so far: what the clock registers show.</summary>
    internal long Instructions { get; set; }

    /// <summary>For each warp of the block, the time up to which its accesses come before this warp's next.</summary>
    internal uint[] Clock { get; }

    /// <summary>The allocation that the last access was in.</summary>
    internal DeviceAllocation? LastAllocation { get; set; }

    /// <summary>Copies by cp.async that are under way.</summary>
    internal AsyncCopies Copies { get; } = new();

    /// <summary>For each lane the time of its last fence.proxy.async.</summary>
    internal uint[] ProxyFences { get; } = new uint[Lanes];

    /// <summary>Which groups of warpgroup products are under way.</summary>
    internal ProductGroups Products { get; } = new();

    /// <summary>What those products do to registers.</summary>
    internal ProductRegisters ProductRegisters { get; }

    /// <summary>Lane index that a failed instruction is reported for.</summary>
    internal int ThreadOf(int lane) => (Index * Lanes) + lane;

    internal void Start(uint existing)
    {
        Existing = existing;
        Live = existing;
        SplitCount = 1;
        Splits[0] = new Split { Block = 0, Mask = existing };
        Runs = 0;
        IsYielding = false;
        IsWaiting = false;
        Instructions = 0;
        Array.Clear(Clock);
        Copies.Clear();
        Array.Clear(ProxyFences);
        Products.Clear();
        ProductRegisters.Clear();
        new Span<byte>(LocalWritten, Kernel.LocalBytes * Lanes).Clear();
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
