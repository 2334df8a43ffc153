using System;
using System.Diagnostics;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Benchmarking;

/// <summary>
/// What a device does at best, measured through the operations that training uses: a large square matrix product in the run's precision, and
/// a copy larger than any cache.
/// </summary>
public static class MachinePeaks
{
    private const int SmallestProduct = 1024;
    private const int LargestProduct = 8192;
    private const long CopyElements = 64L << 20;
    private const double LongEnough = 0.02;
    private const double MeasuredSeconds = 0.5;
    private const int LeastSamples = 5;

    /// <summary>FLOP/s of y = x·wᵀ with all three (n, n): the fastest of half a second. n doubles from 1024 until a product takes 20 ms, up to 8192.</summary>
    public static double MeasureFlops(IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        for (int size = SmallestProduct; ; size *= 2)
        {
            if (MeasureProduct(operations, size) is { } flops)
            {
                return flops;
            }
        }
    }

    /// <summary>Bytes a second, read and written ones counted, of a copy of 256 MiB: the fastest of half a second.</summary>
    public static double MeasureBandwidth(IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        var plan = new MemoryPlan();
        Tensor from = plan.Persistent("peak.from", MemoryCategory.Activations, DataType.Float32, CopyElements);
        Tensor to = plan.Persistent("peak.to", MemoryCategory.Activations, DataType.Float32, CopyElements);
        using var memory = new PlannedMemory(operations.Device, plan);
        operations.Zero(from);
        double seconds = LeastSeconds(operations.Device, () => operations.Cast(from, to));
        return 2.0 * from.Bytes / seconds;
    }

    private static double? MeasureProduct(IOperations operations, int size)
    {
        var plan = new MemoryPlan();
        Tensor Square(string name) => plan.Persistent(name, MemoryCategory.Activations, operations.Storage, size, size);
        (Tensor x, Tensor weight, Tensor y) = (Square("peak.x"), Square("peak.weight"), Square("peak.y"));
        long scratch = (operations.LinearWorkspaceBytes(size, size, size) + sizeof(float) - 1) / sizeof(float);
        Tensor workspace = plan.Persistent("peak.workspace", MemoryCategory.Workspace, DataType.Float32, Math.Max(1, scratch));
        using var memory = new PlannedMemory(operations.Device, plan);
        operations.BindWorkspace(workspace);
        using (var transfer = new TensorTransfer(operations.Device))
        {
            // A GPU's clocks depend on how many bits flip: zeros would flatter it.
            transfer.Upload(x, x.Count, (offset, values) => FillNormal(1, offset, values));
            transfer.Upload(weight, weight.Count, (offset, values) => FillNormal(2, offset, values));
        }

        void Multiply() => operations.LinearForward(x, weight, null, y, Activation.Identity, null);
        Multiply();
        if (size < LargestProduct && Seconds(operations.Device, Multiply) < LongEnough)
        {
            return null;
        }

        return 2.0 * size * size * size / LeastSeconds(operations.Device, Multiply);
    }

    private static void FillNormal(ulong key, long offset, Span<float> values)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            (uint a, uint b, _, _) = Philox.Draw(key, (uint)(offset + i), 0, 0, 0);
            (values[i], float second) = Philox.ToNormal(a, b);
            if (i + 1 < values.Length)
            {
                values[i + 1] = second;
            }
        }
    }

    private static double LeastSeconds(Device device, Action work)
    {
        // The first warms up, and says how many fill a sample long enough that waiting for its end does not count.
        int calls = (int)Math.Clamp(Math.Ceiling(LongEnough / Seconds(device, work)), 1, 1000);
        double least = double.MaxValue;
        var all = Stopwatch.StartNew();
        for (int sample = 0; sample < LeastSamples || all.Elapsed.TotalSeconds < MeasuredSeconds; sample++)
        {
            double seconds = Seconds(device, () =>
            {
                for (int call = 0; call < calls; call++)
                {
                    work();
                }
            });

            // What else the machine does only ever adds to a time.
            least = Math.Min(least, seconds / calls);
        }

        return least;
    }

    private static double Seconds(Device device, Action work)
    {
        device.Synchronize();
        long start = Stopwatch.GetTimestamp();
        work();
        device.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
