using System;

namespace GptEngine.Kernels.Common;

/// <summary>The least that an operation must move and compute: what its time and its counters are held against.</summary>
/// <param name="Bytes">Read from and written to device memory, each operand once.</param>
/// <param name="Flops">Floating-point operations.</param>
public readonly record struct KernelCost(long Bytes, long Flops)
{
    public static KernelCost operator +(KernelCost left, KernelCost right) => new(left.Bytes + right.Bytes, left.Flops + right.Flops);

    public static KernelCost Add(KernelCost left, KernelCost right) => left + right;

    /// <summary>The least time on a device: by its memory or by its arithmetic, whichever takes longer.</summary>
    public double Seconds(double bytesPerSecond, double flopsPerSecond) => Math.Max(Bytes / bytesPerSecond, Flops / flopsPerSecond);
}
