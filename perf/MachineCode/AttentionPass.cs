using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.MachineCode;

/// <summary>One of attention's kernels on tensor cores, or a pass of a launch of two, and which rows its warps go through.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="BlockRows">Rows of a block that stay.</param>
/// <param name="Products">Matrix products of a step, but gradQ of <see cref="IsWholeHead"/>.</param>
/// <param name="RowsAreKeys">Whether what stays are keys, and queries pass; else the other way.</param>
/// <param name="LastingTensors">Tensors of which a block loads its rows before it starts.</param>
internal sealed record AttentionPass(KernelInstance Kernel, int BlockRows, int Products, bool RowsAreKeys, int LastingTensors)
{
    /// <summary>Rows of δ that a warp makes at a time where it makes those of rows that pass.</summary>
    private const int DeltaRows = 32;

    /// <summary>Rows that pass in a step.</summary>
    public int Step { get; init; } = 32;

    /// <summary>Warps that share their rows, and of a step have a part of its rows or of D each.</summary>
    public int Team { get; init; } = 1;

    /// <summary>Whether both passes are one launch, in which each tensor comes from memory once.</summary>
    public bool IsShort { get; init; }

    /// <summary>Whether all of a block's warps take every step, and rows are loaded two steps ahead: those that multiply by warpgroups, backward.</summary>
    public bool TakesAllSteps { get; init; }

    /// <summary>Whether a block has a head, and makes gradQ of each step in the next.</summary>
    public bool IsWholeHead { get; init; }

    /// <summary>Whether it multiplies by warpgroups, forward.</summary>
    public bool IsOfWarpgroups { get; init; }

    public int Warps => Kernel.Threads / 32;

    public int WarpRows => BlockRows * Team / Warps;

    /// <summary>
    /// (T, D) arrays of 16 bits that a launch must read or write: q, k, v, o; those, gradO and gradQ; q, k, v, gradO, gradK, gradV; in one launch
    /// q, k, v, o, gradO and three gradients.
    /// </summary>
    public int Arrays => IsShort ? 8 : LastingTensors == 1 ? 4 : 6;

    /// <summary>The launches of a forward and a backward pass, as <see cref="AttentionLauncher"/> chooses them, and of each its passes in the grid's order.</summary>
    /// <param name="type">x.</param>
    /// <param name="shape">T and D.</param>
    /// <param name="gpu">The GPU.</param>
    /// <param name="variant">On tensor cores.</param>
    public static AttentionPass[][] Launches(DataType type, AttentionShape shape, GpuDeviceProperties gpu, AttentionVariant variant)
    {
        (int headSize, int architecture) = (shape.HeadSize, gpu.Architecture);
        bool isLarge = variant >= AttentionVariant.LargeBlocks;
        KernelInstance? warpgroups = variant >= AttentionVariant.Warpgroups ? AttentionKernels.ForwardWarpgroups(type, headSize, architecture) : null;
        var queries = new AttentionPass(AttentionKernels.BackwardQueriesTensor(type, headSize, architecture), AttentionKernels.BackwardQueriesRows(headSize, architecture), 3, false, 2);
        var keys = new AttentionPass(AttentionKernels.BackwardKeysTensor(type, headSize, architecture), AttentionKernels.BackwardKeysRows(headSize), 4, true, 2);
        var launches = new List<AttentionPass[]>
        {
            new[]
            {
                warpgroups is null
                    ? new AttentionPass(AttentionKernels.ForwardTensor(type, headSize, architecture), AttentionKernels.ForwardRows(headSize, architecture), 2, false, 1)
                    : new AttentionPass(warpgroups, AttentionKernels.ForwardWarpgroupsRows, 2, false, 1) { Step = 64, Team = 4, IsOfWarpgroups = true },
            },
        };
        if (variant >= AttentionVariant.Warpgroups && AttentionKernels.BackwardKeysWarpgroups(type, headSize, architecture) is KernelInstance byKeys)
        {
            var groups = new AttentionPass(byKeys, AttentionKernels.BackwardWarpgroupsRows(headSize), 4, true, 2) { Step = 64, TakesAllSteps = true };
            KernelInstance byQueries = AttentionKernels.BackwardQueriesWarpgroups(type, headSize, architecture)!;
            return [.. launches, [groups with { Kernel = byQueries, Products = 3, RowsAreKeys = false }], [groups]];
        }

        if (shape.Time <= AttentionKernels.ShortTime)
        {
            // A kernel for a length, and one for half of it.
            int length = shape.Time <= AttentionKernels.ShortTime / 2 ? AttentionKernels.ShortTime / 2 : AttentionKernels.ShortTime;
            KernelInstance? whole = isLarge ? WhereItFits(AttentionKernels.BackwardWholeTensor(type, headSize, length, architecture), gpu) : null;
            KernelInstance tiles = AttentionKernels.BackwardShortTensor(type, headSize, architecture);
            launches.Add(whole is not null
                ? [new AttentionPass(whole, length, 4, true, 0) { IsShort = true, IsWholeHead = true }]
                : [keys with { Kernel = tiles, IsShort = true }, queries with { Kernel = tiles, IsShort = true }]);
            return [.. launches];
        }

        KernelInstance? pairs = isLarge ? WhereItFits(AttentionKernels.BackwardKeysPairsTensor(type, headSize, architecture), gpu) : null;
        launches.Add([queries]);
        launches.Add([pairs is null ? keys : new AttentionPass(pairs, AttentionKernels.BackwardKeysPairsRows, 4, true, 2) { Step = 64, Team = 2 }]);
        return [.. launches];
    }

    /// <summary>Tiles of a head.</summary>
    public int Tiles(int time) => (time + BlockRows - 1) / BlockRows;

    /// <summary>The steps of a tile, by the number of the first row of each, in one document; of a whole head one more, for gradQ of the last.</summary>
    public int[] Steps(int tile, int time)
    {
        int first = RowsAreKeys ? tile * BlockRows / Step : 0;
        int end = RowsAreKeys ? (time + Step - 1) / Step : (Math.Min((tile + 1) * BlockRows, time) + Step - 1) / Step;
        return [.. Enumerable.Range(first, end - first + (IsWholeHead ? 1 : 0)).Select(step => step * Step)];
    }

    /// <summary>Whether a warp's rows have anything to do with a step's.</summary>
    public bool Sees(int ownFirst, int stepFirst) => TakesAllSteps || (RowsAreKeys ? stepFirst + Step > ownFirst : stepFirst < ownFirst + WarpRows);

    /// <summary>Whether the causal mask hides some of them from some.</summary>
    public bool IsMasked(int ownFirst, int stepFirst) => RowsAreKeys ? stepFirst < ownFirst + WarpRows - 1 : ownFirst < stepFirst + Step - 1;

    /// <summary>Multiply-adds of a warp's step.</summary>
    public double StepMultiplyAdds(int headSize) => (double)Products * WarpRows * Step / Team * Padded(headSize);

    /// <summary>Rows of which a warp makes δ before the first step.</summary>
    public int RowProducts(int warp, int tile, int time)
    {
        if (!RowsAreKeys)
        {
            return LastingTensors == 2 ? WarpRows : 0;
        }

        // Warps take turns; by keys in one launch, up to the head's end; of a whole head all that there may be.
        int end = IsWholeHead ? BlockRows : IsShort ? time - (tile * BlockRows) : 0;
        return Math.Max(0, (end - (warp * DeltaRows) + (Warps * DeltaRows) - 1) / (Warps * DeltaRows)) * DeltaRows;
    }

    /// <summary>Squares of 16 by 16 of a step's gradQ that a warp of a whole head makes.</summary>
    public int Squares(int warp, int headSize) => ((Step / 16 * Padded(headSize) / 16) - warp + Warps - 1) / Warps;

    /// <summary>Multiply-adds of each after so many steps.</summary>
    public double SquareMultiplyAdds(int steps) => (double)steps * Step * 16 * 16;

    /// <summary>Chunks of 16 bytes of what stays of one tensor, a thread.</summary>
    public int ChunksPerThread(int headSize) => BlockRows * Padded(headSize) / 8 / Kernel.Threads;

    private static int Padded(int headSize) => (headSize + 15) / 16 * 16;

    private static KernelInstance? WhereItFits(KernelInstance? kernel, GpuDeviceProperties gpu) =>
        kernel?.DynamicSharedBytes <= gpu.MaximumSharedBytesPerBlock ? kernel : null;
}
