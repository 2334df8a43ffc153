using System;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Activation;

/// <summary>The MLP's activation on a GPU as kernels of their own, for one storage type and one activation.</summary>
public sealed class ActivationLauncher
{
    private const string Source = "Activation/activation.cu";
    private const int BlockThreads = 256;
    private const int StepsPerThread = 2;

    private readonly DataType _storage;
    private readonly LaunchableKernel _forward;
    private readonly LaunchableKernel _forwardPacked;
    private readonly LaunchableKernel _backward;
    private readonly LaunchableKernel _backwardPacked;

    /// <summary>Compiles and loads the kernels.</summary>
    public ActivationLauncher(KernelQueue queue, DataType storage, Common.Activation activation)
    {
        _storage = storage;
        _forward = queue.Load(Forward(storage, activation, packed: false));
        _forwardPacked = queue.Load(Forward(storage, activation, packed: true));
        _backward = queue.Load(Backward(storage, activation, packed: false));
        _backwardPacked = queue.Load(Backward(storage, activation, packed: true));
    }

    /// <summary>y = activation(z), pack by pack or element by element.</summary>
    public static KernelInstance Forward(DataType storage, Common.Activation activation, bool packed) =>
        new(Source, $"activation_forward<{Arguments(storage, activation, packed)}>", BlockThreads);

    /// <summary>gradZ = gradY·activation'(z).</summary>
    public static KernelInstance Backward(DataType storage, Common.Activation activation, bool packed) =>
        new(Source, $"activation_backward<{Arguments(storage, activation, packed)}>", BlockThreads);

    /// <summary>Least bytes and operations of the forward pass.</summary>
    public static KernelCost ForwardCost(DataType storage, long count) => new(2 * count * storage.SizeInBytes(), 15 * count);

    /// <summary>Least bytes and operations of the backward pass.</summary>
    public static KernelCost BackwardCost(DataType storage, long count) => new(3 * count * storage.SizeInBytes(), 25 * count);

    /// <summary>y = activation(z).</summary>
    /// <param name="z">(…) x.</param>
    /// <param name="y">As z; may be z.</param>
    public void Forward(Tensor z, Tensor y)
    {
        CheckSame(z, y, nameof(y));
        bool packed = AreAligned(z, y);
        (packed ? _forwardPacked : _forward).Launch(Blocks(z.Count, packed), 1, PointerTo(z), PointerTo(y), z.Count);
    }

    /// <summary>gradZ = gradY·activation'(z).</summary>
    /// <param name="gradY">(…) x.</param>
    /// <param name="z">As gradY.</param>
    /// <param name="gradZ">As gradY; may be gradY or z.</param>
    public void Backward(Tensor gradY, Tensor z, Tensor gradZ)
    {
        CheckSame(gradY, z, nameof(z));
        Backward(PointerTo(gradY), z, gradZ);
    }

    /// <summary>gradZ = gradY·activation'(z), gradY in scratch.</summary>
    internal void Backward(DevicePointer gradY, Tensor z, Tensor gradZ)
    {
        CheckSame(z, gradZ, nameof(gradZ));
        bool packed = AreAligned(z, gradZ) && gradY.Address % DeviceTypes.PackBytes == 0;
        (packed ? _backwardPacked : _backward).Launch(Blocks(z.Count, packed), 1, gradY, PointerTo(z), PointerTo(gradZ), z.Count);
    }

    private static string Arguments(DataType storage, Common.Activation activation, bool packed) =>
        $"{storage.DeviceName()}, Activation::{activation}, {packed.DeviceName()}";

    private long Blocks(long count, bool packed) =>
        DeviceTypes.CeilingDivide(count, (long)BlockThreads * StepsPerThread * (packed ? _storage.PackSize() : 1));

    private void CheckSame(Tensor first, Tensor other, string argument)
    {
        if (first.Type != _storage || other.Type != _storage || first.Count != other.Count || first.Count == 0)
        {
            throw new ArgumentException($"{argument}: expected {first.Count} elements of {_storage.ShortName()}, at least one, got {other} for {first}", argument);
        }
    }
}
