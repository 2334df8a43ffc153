using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Linear;

/// <summary>A linear layer's bias gradient on a GPU, for one storage type.</summary>
public sealed class BiasGradientLauncher(KernelQueue queue, DataType storage)
{
    private const string Source = "Linear/bias_gradient.cu";
    private const int RowsAtOnce = 8;
    private const int RowsPerSlice = 128;
    private const int LargestSlices = 256;

    private readonly LaunchableKernel _partials = queue.Load(Partials(storage, packed: false));
    private readonly LaunchableKernel _partialsPacked = queue.Load(Partials(storage, packed: true));
    private readonly LaunchableKernel _reduce = queue.Load(Reduce());

    /// <summary>A sum for each slice of the rows, pack by pack or element by element.</summary>
    public static KernelInstance Partials(DataType storage, bool packed) =>
        new(Source, $"bias_gradient_partials<{storage.DeviceName()}, {packed.DeviceName()}>", DeviceTypes.WarpSize, RowsAtOnce);

    /// <summary>The slices' sums, added.</summary>
    public static KernelInstance Reduce() => new(Source, "bias_gradient_reduce", DeviceTypes.WarpSize, RowsAtOnce);

    /// <summary>Bytes of the slices' sums.</summary>
    public static long WorkspaceBytes(long rows, long columns) => Slices(rows) * columns * sizeof(float);

    /// <summary>Least bytes and operations.</summary>
    public static KernelCost Cost(DataType storage, long rows, long columns) =>
        new((rows * columns * storage.SizeInBytes()) + (8 * columns), rows * columns);

    /// <summary>gradBias (+)= Σ_n gradY[n].</summary>
    /// <param name="gradY">(rows, columns) x.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="gradBias">(columns) fp32.</param>
    /// <param name="accumulate">Adds, or overwrites.</param>
    /// <param name="workspace">At least <see cref="WorkspaceBytes"/>.</param>
    public void Launch(DevicePointer gradY, long rows, long columns, DevicePointer gradBias, bool accumulate, DevicePointer workspace)
    {
        int width = checked((int)columns);
        long slices = Slices(rows);
        long rowsPerSlice = DeviceTypes.CeilingDivide(rows, slices);
        bool packed = storage.IsPacked(columns) && gradY.Address % DeviceTypes.PackBytes == 0;
        (packed ? _partialsPacked : _partials).Launch(
            DeviceTypes.CeilingDivide(columns, DeviceTypes.WarpSize * (packed ? storage.PackSize() : 1)),
            (int)slices,
            gradY,
            workspace,
            rows,
            width,
            rowsPerSlice);
        _reduce.Launch(DeviceTypes.CeilingDivide(columns, DeviceTypes.WarpSize), 1, workspace, gradBias, (int)slices, width, accumulate);
    }

    /// <summary>gradBias += sums, which a matrix product has made beside its result.</summary>
    /// <param name="sums">(columns) fp32.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="gradBias">(columns) fp32.</param>
    public void Add(DevicePointer sums, long columns, DevicePointer gradBias) =>
        _reduce.Launch(DeviceTypes.CeilingDivide(columns, DeviceTypes.WarpSize), 1, sums, gradBias, 1, checked((int)columns), true);

    /// <summary>Fixed by the rows alone, so that every device sums in the same order.</summary>
    private static long Slices(long rows) => Math.Min(LargestSlices, DeviceTypes.CeilingDivide(rows, RowsPerSlice));
}
