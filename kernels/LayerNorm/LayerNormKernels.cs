using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.LayerNorm;

/// <summary>The kernels of <c>layer_norm.cu</c> and <c>layer_norm_resident.cu</c>, and how each is blocked.</summary>
public static class LayerNormKernels
{
    /// <summary>Rows of a block of the kernels that give a warp to a row.</summary>
    public const int RowsPerBlock = 4;

    private const string Plain = "LayerNorm/layer_norm.cu";
    private const string Resident = "LayerNorm/layer_norm_resident.cu";
    private const int ColumnRows = 8;

    // 64 floats a lane leave registers enough for a full load in flight; more would spill.
    private const int ElementsPerLane = 64;
    private const int LargestWarps = 16;
    private const int LargestBackwardThreads = 512;

    // Three such blocks a multiprocessor, each waiting for its own barriers.
    private const int BackwardThreads = 256;

    /// <summary>Warps that hold a row in <see cref="ForwardResident"/>; with one, a block has <see cref="RowsPerBlock"/> rows, else one.</summary>
    public static int WarpsPerRow(int channels)
    {
        int warps = 1;
        while (channels > ElementsPerLane * DeviceTypes.WarpSize * warps)
        {
            warps *= 2;
        }

        return warps;
    }

    /// <summary>Any C.</summary>
    public static KernelInstance Forward(DataType storage, bool hasDropout) =>
        new(Plain, $"layer_norm_forward<{storage.DeviceName()}, {hasDropout.DeviceName()}>", DeviceTypes.WarpSize, RowsPerBlock);

    /// <summary>Any C: the gradients of the rows.</summary>
    public static KernelInstance BackwardRows(DataType storage, bool hasDropout) =>
        new(Plain, $"layer_norm_backward_rows<{storage.DeviceName()}, {hasDropout.DeviceName()}>", DeviceTypes.WarpSize, RowsPerBlock);

    /// <summary>Any C: partial gradients of weight and bias.</summary>
    public static KernelInstance BackwardColumns(DataType storage) =>
        new(Plain, $"layer_norm_backward_columns<{storage.DeviceName()}>", DeviceTypes.WarpSize, ColumnRows);

    /// <summary>Partial gradients to gradients.</summary>
    public static KernelInstance BackwardReduce() => new(Plain, "layer_norm_backward_reduce", DeviceTypes.WarpSize, ColumnRows);

    /// <summary>Compiled for one C; null where C is no whole number of packs or a row does not fit a block's registers.</summary>
    public static KernelInstance? ForwardResident(DataType storage, int channels, bool hasDropout)
    {
        int warps = WarpsPerRow(channels);
        return !storage.IsPacked(channels) || warps > LargestWarps
            ? null
            : new(
                Resident,
                $"layer_norm_forward_resident<{storage.DeviceName()}, {channels}, {warps}, {hasDropout.DeviceName()}>",
                DeviceTypes.WarpSize,
                warps == 1 ? RowsPerBlock : warps);
    }

    /// <summary>Compiled for one C, a pack a thread; null where C is no whole number of packs or more than a block's.</summary>
    public static KernelInstance? BackwardResident(DataType storage, int channels, bool hasDropout)
    {
        int packs = channels / storage.PackSize();
        if (!storage.IsPacked(channels) || packs > LargestBackwardThreads)
        {
            return null;
        }

        int threads = (int)DeviceTypes.CeilingDivide(packs, DeviceTypes.WarpSize) * DeviceTypes.WarpSize;
        int groups = Math.Max(1, BackwardThreads / threads);
        return new(
            Resident,
            $"layer_norm_backward_resident<{storage.DeviceName()}, {channels}, {threads}, {groups}, {hasDropout.DeviceName()}>",
            threads,
            groups);
    }
}
