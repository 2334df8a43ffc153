using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Tensor;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>A block in flight on a host thread: its warps, its shared memory, its barriers. Used again for block after block.</summary>
internal sealed unsafe class ThreadBlock : IDisposable
{
    internal const int BarrierCount = 16;

    private SharedRaceShadow? _byteRaces;

    internal ThreadBlock(LaunchContext launch, LaunchCounters counters)
    {
        Launch = launch;
        Counters = counters;
        int shared = launch.SharedBytes;
        Shared = (byte*)NativeMemory.AlignedAlloc((nuint)shared + 64, 256);
        SharedState = (byte*)NativeMemory.AllocZeroed((nuint)shared + 64);
        Races = new SharedRaceShadow(shared, 4, launch.WarpsPerBlock);
        Executions = new long[launch.Kernel.Blocks.Length];
        ActiveLanes = new long[launch.Kernel.Blocks.Length];
        Warps = new Warp[launch.WarpsPerBlock];
        for (int i = 0; i < Warps.Length; i++)
        {
            Warps[i] = new Warp(this, i, launch.Kernel);
            SpecialRegisters.FillForWarp(Warps[i]);
        }

        for (int i = 0; i < BarrierCount; i++)
        {
            Barriers[i] = new NamedBarrier();
        }
    }

    internal LaunchContext Launch { get; }

    internal LaunchCounters Counters { get; }

    internal Warp[] Warps { get; }

    internal NamedBarrier[] Barriers { get; } = new NamedBarrier[BarrierCount];

    internal byte* Shared { get; private set; }

    /// <summary>A byte for each byte of shared memory: 0 unwritten, 1 written, 2 on its way by cp.async.</summary>
    internal byte* SharedState { get; private set; }

    /// <summary>Who touched which word of shared memory.</summary>
    internal SharedRaceShadow Races { get; }

    /// <summary>Who touched which byte by an access of less than a word; made when there is one.</summary>
    internal SharedRaceShadow ByteRaces => _byteRaces ??= new SharedRaceShadow(Launch.SharedBytes + sizeof(int), 1, Warps.Length);

    internal bool HasByteRaces => _byteRaces is not null;

    /// <summary>What warpgroup products read of shared memory, and what their warps agree on; made when there is one.</summary>
    internal BlockProducts? Products { get; private set; }

    /// <summary>mbarriers by their offset in shared memory.</summary>
    internal Dictionary<int, MemoryBarrier> MemoryBarriers { get; } = [];

    /// <summary>What each warp of the block released at an address of shared memory.</summary>
    internal Dictionary<int, uint[]> SharedReleases { get; } = [];

    /// <summary>The block's clock: it ticks when threads synchronise. Accesses are stamped with it.</summary>
    internal uint Time { get; set; }

    internal Dimensions Index { get; private set; }

    internal long Linear { get; private set; }

    /// <summary>Whether the block fenced its writes for itself since it started, by a fence of any scope.</summary>
    internal bool HasFenced { get; set; }

    /// <summary>Whether it fenced them for other blocks.</summary>
    internal bool HasFencedForOthers { get; set; }

    /// <summary>Blocks whose writes this one has seen in order.</summary>
    internal HashSet<long> Seen { get; } = [];

    /// <summary>Turns used up by loops that wait.</summary>
    internal int Turns { get; set; }

    /// <summary>How often each basic block ran, and with how many lanes in all.</summary>
    internal long[] Executions { get; }

    internal long[] ActiveLanes { get; }

    internal void Start(long linear)
    {
        Linear = linear;
        Index = Launch.Grid.At(linear);
        new Span<byte>(SharedState, Launch.SharedBytes).Clear();
        Races.Clear();
        _byteRaces?.Clear();
        Products?.Clear();
        MemoryBarriers.Clear();
        SharedReleases.Clear();
        Seen.Clear();
        HasFenced = false;
        HasFencedForOthers = false;
        Time = 1;
        Turns = 0;
        foreach (NamedBarrier barrier in Barriers)
        {
            barrier.Clear();
        }

        int left = Launch.ThreadsPerBlock;
        foreach (Warp warp in Warps)
        {
            warp.Start(left >= Warp.Lanes ? uint.MaxValue : (1u << left) - 1);
            SpecialRegisters.FillForBlock(warp);
            left -= Warp.Lanes;
        }
    }

    internal BlockProducts UseProducts() => Products ??= new BlockProducts(this);

    /// <summary>Adds what the basic blocks counted to the launch's counters.</summary>
    internal void CollectCounters()
    {
        BasicBlock[] blocks = Launch.Kernel.Blocks;
        for (int b = 0; b < blocks.Length; b++)
        {
            BasicBlock block = blocks[b];
            for (int kind = 0; kind < block.ClassCounts.Length; kind++)
            {
                if (block.ClassCounts[kind] != 0)
                {
                    Counters.AddInstructions((InstructionClass)kind, Executions[b] * block.ClassCounts[kind], ActiveLanes[b] * block.ClassCounts[kind]);
                }
            }

            Counters.Float32Operations += ActiveLanes[b] * block.Float32Operations;
            Counters.Float64Operations += ActiveLanes[b] * block.Float64Operations;
            Counters.Float16Operations += ActiveLanes[b] * block.Float16Operations;
            Counters.TensorOperations += Executions[b] * block.TensorOperations;
            Counters.WarpgroupOperations += Executions[b] * block.WarpgroupOperations;
        }
    }

    /// <summary>Records a finding at an instruction; the launch goes on.</summary>
    internal void Report(FindingKind kind, int thread, MemorySite? site, string message, int otherSite = -1, string other = "")
    {
        int place = site?.Index ?? -1;
        if (!Launch.Findings.Has(kind, place, otherSite, Linear))
        {
            var finding = new Finding
            {
                Kind = kind,
                Kernel = Launch.Kernel.Name,
                Message = message,
                Block = Index,
                Thread = Launch.BlockShape.At(thread),
                Access = site?.Describe() ?? "",
                OtherAccess = other,
            };
            Launch.Findings.Add(finding, place, otherSite, Linear);
        }
    }

    /// <summary>Records a finding that the launch cannot go on after.</summary>
    internal LaunchAbortedException Fail(FindingKind kind, int thread, MemorySite? site, string message)
    {
        Report(kind, thread, site, message);
        return Launch.Abort();
    }

    internal string Describe(int thread, int site) =>
        string.Create(CultureInfo.InvariantCulture, $"{Launch.Kernel.Sites[site].Describe()} by thread {Launch.BlockShape.At(thread)}");

    public void Dispose()
    {
        foreach (Warp warp in Warps)
        {
            warp.Dispose();
        }

        Races.Dispose();
        _byteRaces?.Dispose();
        Products?.Dispose();
        NativeMemory.AlignedFree(Shared);
        NativeMemory.Free(SharedState);
        Shared = null;
        SharedState = null;
    }
}
