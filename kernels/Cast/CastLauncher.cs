using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Cast;

/// <summary>Casts on a GPU between any two of fp32, fp16 and bf16: <see cref="IOperations.Cast"/>.</summary>
public sealed class CastLauncher(KernelQueue queue)
{
    private const int BlockThreads = 256;
    private const int StepsPerThread = 4;
    private const int QuadSize = 4;

    private readonly Dictionary<(DataType From, DataType To, bool Packed), LaunchableKernel> _kernels = [];

    /// <summary>From one type to another, four elements by four or element by element.</summary>
    public static KernelInstance Cast(DataType from, DataType to, bool packed) =>
        new("Cast/cast.cu", $"cast<{from.DeviceName()}, {to.DeviceName()}, {packed.DeviceName()}>", BlockThreads);

    /// <summary>Least bytes and operations.</summary>
    public static KernelCost Cost(DataType from, DataType to, long count) => new(count * (from.SizeInBytes() + to.SizeInBytes()), 0);

    /// <inheritdoc cref="IOperations.Cast"/>
    public void Launch(Tensor source, Tensor destination)
    {
        OperationChecks.Cast(source, destination);
        if (source.Count == 0)
        {
            return;
        }

        if (source.Type == destination.Type)
        {
            queue.Copy(source, destination);
            return;
        }

        bool packed = AreAligned(source, destination);
        if (!_kernels.TryGetValue((source.Type, destination.Type, packed), out LaunchableKernel? kernel))
        {
            kernel = queue.Load(Cast(source.Type, destination.Type, packed));
            _kernels.Add((source.Type, destination.Type, packed), kernel);
        }

        kernel.Launch(
            DeviceTypes.CeilingDivide(source.Count, (long)BlockThreads * StepsPerThread * (packed ? QuadSize : 1)),
            1,
            PointerTo(source),
            PointerTo(destination),
            source.Count);
    }
}
