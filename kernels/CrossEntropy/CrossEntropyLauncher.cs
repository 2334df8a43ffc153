using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>Softmax cross-entropy over chunks of logits on a GPU, for one storage type and one P.</summary>
public sealed class CrossEntropyLauncher
{
    private const string Source = "CrossEntropy/cross_entropy.cu";
    private const int PlainThreads = 512;

    // At 512 threads a thread has 128 registers: 25 packs take 100 of them.
    private const int LargestPacksPerThread = 25;

    // At 64 registers two blocks of 512 threads fit a multiprocessor: eight packs take 32 of them, and up to five more lie in 40 KiB of shared memory.
    private const int HeldPacks = 8;
    private const int SharedPacks = 5;
    private const int PacksPerThread = 8;
    private const int SmallestThreads = 64;
    private const int LargestThreads = 512;

    private readonly DataType _storage;
    private readonly int _padded;
    private readonly LaunchableKernel _plain;
    private readonly LaunchableKernel? _resident;

    /// <summary>Compiles and loads the kernels.</summary>
    /// <param name="queue">Where to run.</param>
    /// <param name="storage">x.</param>
    /// <param name="padded">P.</param>
    public CrossEntropyLauncher(KernelQueue queue, DataType storage, int padded)
    {
        (_storage, _padded) = (storage, padded);
        _plain = queue.Load(Plain(storage));
        _resident = Resident(storage, padded) is { } resident ? queue.Load(resident) : null;
    }

    /// <summary>Any P; reads a row twice.</summary>
    public static KernelInstance Plain(DataType storage) => new(Source, $"cross_entropy<{storage.DeviceName()}>", PlainThreads);

    /// <summary>Holds a row in registers, or of a row of up to 53,248 elements of 16 bits a part in shared memory; null where P is no whole number of packs or too long.</summary>
    public static KernelInstance? Resident(DataType storage, int padded)
    {
        long packs = padded / storage.PackSize();
        long threads = DeviceTypes.CeilingDivide(DeviceTypes.CeilingDivide(packs, PacksPerThread), DeviceTypes.WarpSize) * DeviceTypes.WarpSize;
        threads = Math.Clamp(threads, SmallestThreads, LargestThreads);
        long perThread = DeviceTypes.CeilingDivide(packs, threads);
        long held = perThread <= HeldPacks + SharedPacks ? Math.Min(perThread, HeldPacks) : perThread;
        return !storage.IsPacked(padded) || perThread > LargestPacksPerThread
            ? null
            : new(Source, $"cross_entropy_resident<{storage.DeviceName()}, {padded}, {threads}, {held}>", (int)threads);
    }

    /// <summary>Least bytes and operations; evaluation does not write the logits.</summary>
    public static KernelCost Cost(DataType storage, long rows, long padded, bool gradient) =>
        new(((gradient ? 2 : 1) * rows * padded * storage.SizeInBytes()) + (8 * rows), 12 * rows * padded);

    /// <summary>losses[n] = −log softmax(logits[n])[targets[n]]; with <paramref name="gradient"/> the logits become their gradients.</summary>
    /// <param name="logits">(N, P) x, in place.</param>
    /// <param name="targets">(N) int32, each in [0, V).</param>
    /// <param name="losses">(N) m.</param>
    /// <param name="vocabulary">V: columns from there on are padding, whose gradient is 0.</param>
    /// <param name="gradientScale">Gradients are multiplied by this and by the loss scale.</param>
    /// <param name="scalars">The step scalars.</param>
    /// <param name="gradient">False leaves the logits as they are.</param>
    public void Launch(Tensor logits, Tensor targets, Tensor losses, int vocabulary, float gradientScale, Tensor scalars, bool gradient)
    {
        logits.Expect(nameof(logits), _storage, "N", ("P", _padded));
        targets.Expect(nameof(targets), DataType.Int32, ("N", logits[0]));
        losses.Expect(nameof(losses), DataType.Float32, ("N", logits[0]));
        scalars.Expect(nameof(scalars), DataType.Float32, StepScalars.Count);
        if (vocabulary < 1 || vocabulary > _padded)
        {
            throw new ArgumentOutOfRangeException(nameof(vocabulary), vocabulary, $"must be within [1, P={_padded}]");
        }

        LaunchableKernel kernel = _resident is not null && AreAligned(logits) ? _resident : _plain;
        kernel.Launch(
            logits[0],
            1,
            PointerTo(logits),
            PointerTo(targets),
            PointerTo(losses),
            vocabulary,
            _padded,
            gradientScale,
            PointerTo(scalars),
            gradient);
    }
}
