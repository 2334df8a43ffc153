using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.AdamW;

/// <summary>AdamW on a GPU in one launch, for one storage type: <see cref="IOperations.AdamW"/>.</summary>
public sealed class AdamWLauncher(KernelQueue queue, DataType storage)
{
    private const int UpdateThreads = 256;
    private const int Width = 4;

    private readonly LaunchableKernel _update = queue.Load(Update(storage));

    /// <summary>With a copy in <paramref name="storage"/>; with fp32 there is none.</summary>
    public static KernelInstance Update(DataType storage) => new("AdamW/adamw.cu", $"adamw<{storage.DeviceName()}>", UpdateThreads);

    /// <summary>Least bytes and operations.</summary>
    public static KernelCost Cost(DataType storage, long count) =>
        new((28 + (storage == DataType.Float32 ? 0 : storage.SizeInBytes())) * count, 16 * count);

    /// <inheritdoc cref="IOperations.AdamW"/>
    public unsafe void Launch(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options)
    {
        new OperationChecks(storage, DataType.Float32).AdamW(parameters, gradients, firstMoment, secondMoment, computeCopy, decayCount, scalars);
        if (computeCopy is null != (storage == DataType.Float32))
        {
            throw new ArgumentException(
                $"computeCopy: it must be given exactly when the storage type is not fp32; the storage type is {storage.ShortName()}", nameof(computeCopy));
        }

        if (!AreAligned(parameters, gradients, firstMoment, secondMoment, computeCopy))
        {
            throw new ArgumentException($"parameters: every arena must start on a multiple of {DeviceTypes.PackBytes} bytes", nameof(parameters));
        }

        var constants = new AdamWArgument(options);
        _update.Launch(
            DeviceTypes.CeilingDivide(parameters.Count, UpdateThreads * Width),
            1,
            PointerTo(parameters),
            PointerTo(gradients),
            PointerTo(firstMoment),
            PointerTo(secondMoment),
            PointerTo(computeCopy),
            parameters.Count,
            decayCount,
            PointerTo(scalars),
            KernelArgument.Structure(&constants));
    }
}
