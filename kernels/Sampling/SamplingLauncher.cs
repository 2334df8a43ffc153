using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Sampling;

/// <summary>Sampling on a GPU, for one storage type: <see cref="IOperations.Sample"/>.</summary>
public sealed class SamplingLauncher(KernelQueue queue, DataType storage)
{
    private const int SampleThreads = 512;

    private readonly LaunchableKernel _sample = queue.Load(Sample(storage));

    /// <summary>A block a row.</summary>
    public static KernelInstance Sample(DataType storage) => new("Sampling/sample.cu", $"sample<{storage.DeviceName()}>", SampleThreads);

    /// <summary>Least bytes and operations: the row read once for its maximum and once for the draw.</summary>
    public static KernelCost Cost(DataType storage, long batch, int vocabulary) =>
        new(batch * ((2L * vocabulary * storage.SizeInBytes()) + sizeof(int)), 10 * batch * vocabulary);

    /// <inheritdoc cref="IOperations.Sample"/>
    public void Launch(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options)
    {
        new OperationChecks(storage, DataType.Float32).Sample(logits, ids, vocabulary, options);
        _sample.Launch(
            ids.Count,
            1,
            PointerTo(logits),
            PointerTo(ids),
            vocabulary,
            (int)logits[1],
            position,
            options.Temperature,
            options.TopK,
            options.TopP,
            options.Seed);
    }
}
