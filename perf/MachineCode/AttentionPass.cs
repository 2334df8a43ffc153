using System;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.MachineCode;

/// <summary>One of attention's kernels on tensor cores, and which rows its warps go through.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="BlockRows">Rows of a block that stay.</param>
/// <param name="Products">Matrix products of a step.</param>
/// <param name="RowsAreKeys">Whether what stays are keys, and queries pass; else the other way.</param>
/// <param name="LastingTensors">Tensors of which a block loads its rows before it starts.</param>
internal sealed record AttentionPass(KernelInstance Kernel, int BlockRows, int Products, bool RowsAreKeys, int LastingTensors)
{
    /// <summary>Rows that pass in a step.</summary>
    public const int Step = 32;

    public int Warps => Kernel.Threads / 32;

    public int WarpRows => BlockRows / Warps;

    public static AttentionPass[] All(DataType type, int headSize, int architecture) =>
    [
        new(AttentionKernels.ForwardTensor(type, headSize, architecture), AttentionKernels.ForwardRows(headSize, architecture), 2, false, 1),
        new(AttentionKernels.BackwardQueriesTensor(type, headSize, architecture), AttentionKernels.BackwardQueriesRows(headSize, architecture), 3, false, 2),
        new(AttentionKernels.BackwardKeysTensor(type, headSize, architecture), AttentionKernels.BackwardKeysRows(headSize), 4, true, 2),
    ];

    /// <summary>Tiles of a head.</summary>
    public int Tiles(int time) => (time + BlockRows - 1) / BlockRows;

    /// <summary>The steps of a tile, by the number of the first row of each, in one document.</summary>
    public int[] Steps(int tile, int time)
    {
        int first = RowsAreKeys ? tile * BlockRows / Step : 0;
        int end = RowsAreKeys ? (time + Step - 1) / Step : (Math.Min((tile + 1) * BlockRows, time) + Step - 1) / Step;
        return [.. Enumerable.Range(first, end - first).Select(step => step * Step)];
    }

    /// <summary>Whether a warp's rows have anything to do with a step's.</summary>
    public bool Sees(int ownFirst, int stepFirst) => RowsAreKeys ? stepFirst + Step > ownFirst : stepFirst < ownFirst + WarpRows;

    /// <summary>Whether the causal mask hides some of them from some.</summary>
    public bool IsMasked(int ownFirst, int stepFirst) => RowsAreKeys ? stepFirst < ownFirst + WarpRows - 1 : ownFirst < stepFirst + Step - 1;

    /// <summary>Multiply-adds of a warp's step.</summary>
    public double StepMultiplyAdds(int headSize) => (double)Products * WarpRows * Step * ((headSize + 15) / 16 * 16);

    /// <summary>Chunks of 16 bytes of what stays of one tensor, a thread.</summary>
    public int ChunksPerThread(int headSize) => BlockRows * ((headSize + 15) / 16 * 16) / 8 / Kernel.Threads;
}
