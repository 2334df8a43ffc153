using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>An instruction that touches memory or other lanes, with all that is fixed about it.</summary>
internal sealed class MemorySite
{
    /// <summary>A detail: local memory that stands for a call's parameters, which a GPU keeps in registers.</summary>
    internal const int CallParameter = 1;

    internal required int Index { get; init; }

    internal required PtxInstruction Instruction { get; init; }

    internal PtxStateSpace Space { get; init; }

    /// <summary>Bytes of one element: 1, 2, 4 or 8.</summary>
    internal int ElementSize { get; init; }

    /// <summary>Elements a lane: 1, 2 or 4.</summary>
    internal int Count { get; init; } = 1;

    internal bool Signed { get; init; }

    /// <summary>The address: its register and what is added to it.</summary>
    internal Row Address { get; init; }

    internal ulong Offset { get; init; }

    /// <summary>The registers that are loaded or stored, one an element; a sink is a row of no width.</summary>
    internal Row[] Data { get; init; } = [];

    /// <summary>Volatile, relaxed, acquire or release: exempt from race checks as an atomic is.</summary>
    internal bool IsSynchronizing { get; init; }

    internal bool IsAtomic { get; init; }

    /// <summary>Scope .cta: an atomic or synchronising access that orders and excludes threads of its own block alone.</summary>
    internal bool IsBlockScoped { get; init; }

    /// <summary>Whether it writes through the asynchronous proxy, as warpgroup products read.</summary>
    internal bool IsAsyncProxy { get; init; }

    /// <summary>Further operands of instructions that have more: sources of an atomic, the mask of a shuffle.</summary>
    internal Row[] Operands { get; init; } = [];

    /// <summary>The value of an atomic, or another instruction's lane function.</summary>
    internal nint Function { get; init; }

    internal OperationMode Mode { get; init; }

    /// <summary>What else an instruction's family keeps.</summary>
    internal int Detail { get; init; }

    /// <summary>Where the guard of a waiting instruction lies in the registers; −1 where it has none.</summary>
    internal int GuardOffset { get; init; } = -1;

    /// <summary>What wgmma.mma_async computes.</summary>
    internal Tensor.WarpgroupProduct? Product { get; init; }

    /// <summary>Which registers of warpgroup products any other instruction touches.</summary>
    internal Tensor.ProductAccess? Access { get; init; }

    internal int Bytes => ElementSize * Count;

    /// <summary>The instruction and its place, as a report says it.</summary>
    internal string Describe() => $"{Instruction.FullName} at {Instruction.Place}";
}
