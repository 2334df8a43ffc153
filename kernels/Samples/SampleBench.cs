using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Samples;

/// <summary>
/// The tensors of one sample on a GPU. Inputs are random and the same every time; outputs are memory that nothing has written, so that
/// a simulated GPU sees a kernel that reads them.
/// </summary>
public sealed unsafe class SampleBench(KernelQueue queue) : IDisposable
{
    private const int Seed = 20_240_520;

    private readonly List<DevicePointer> _taken = [];
    private readonly List<IDisposable> _closed = [];
    private readonly Random _random = new(Seed);

    /// <summary>Where launchers work.</summary>
    public KernelQueue Queue => queue;

    /// <summary>An input, or something updated: nearly normal numbers, magnitudes alone where asked for.</summary>
    public Tensor Normal(string name, DataType type, ReadOnlySpan<long> shape, bool positive = false)
    {
        Tensor tensor = Unwritten(name, type, shape);
        byte[] bytes = new byte[tensor.Bytes];
        for (int i = 0; i < tensor.Count; i++)
        {
            double sum = _random.NextDouble() + _random.NextDouble() + _random.NextDouble() + _random.NextDouble();
            float value = (float)(Math.Sqrt(3) * (sum - 2));
            type.WriteElement(bytes.AsSpan(i * type.SizeInBytes()), positive ? Math.Abs(value) : value);
        }

        return Upload(tensor, bytes);
    }

    /// <summary>An int32 input, element i of which is <paramref name="value"/>(i).</summary>
    public Tensor Integers(string name, Func<int, int> value, params ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(value);
        Tensor tensor = Unwritten(name, DataType.Int32, shape);
        int[] values = new int[tensor.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = value(i);
        }

        return Upload(tensor, MemoryMarshal.AsBytes<int>(values));
    }

    /// <summary>Random integers in [0, <paramref name="end"/>).</summary>
    public Tensor Integers(string name, int end, params ReadOnlySpan<long> shape) => Integers(name, _ => _random.Next(end), shape);

    /// <summary>An output or a workspace.</summary>
    public Tensor Unwritten(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(name, type, 0, shape);
        DevicePointer pointer = queue.Driver.Allocate(Math.Max(1, tensor.Bytes), name);
        _taken.Add(pointer);
        tensor.Bind((nuint)pointer.Address);
        return tensor;
    }

    /// <summary>fp32 scratch of a number of bytes.</summary>
    public Tensor Workspace(long bytes) => Unwritten("workspace", DataType.Float32, Math.Max(1, (bytes + 3) / sizeof(float)));

    /// <summary>The step scalars as they are in the middle of training.</summary>
    public Tensor Scalars()
    {
        float[] values = new float[StepScalars.Count];
        values[(int)StepScalar.LearningRate] = 1e-3f;
        values[(int)StepScalar.LossScale] = 1;
        values[(int)StepScalar.AppliedUpdates] = BitConverter.UInt32BitsToSingle(3);
        values[(int)StepScalar.GradientFactor] = 1;
        values[(int)StepScalar.IsFinite] = 1;
        return Upload(Unwritten("scalars", DataType.Float32, StepScalars.Count), MemoryMarshal.AsBytes<float>(values));
    }

    /// <summary>Dropout over a number of sequences, or none.</summary>
    public Common.Dropout Dropout(bool isActive, int sequences) => isActive
        ? new Common.Dropout(0.1f, 1, Integers("sequenceIndex", i => i, sequences), Scalars())
        : Common.Dropout.None;

    /// <summary>Closes a launcher with the bench.</summary>
    public T Closing<T>(T launcher)
        where T : IDisposable
    {
        _closed.Add(launcher);
        return launcher;
    }

    /// <summary>Frees every tensor.</summary>
    public void Dispose()
    {
        _closed.ForEach(launcher => launcher.Dispose());
        _taken.ForEach(queue.Driver.Free);
        _closed.Clear();
        _taken.Clear();
    }

    private Tensor Upload(Tensor tensor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
        {
            queue.Driver.CopyToDevice(new DevicePointer(tensor.Address), (nint)source, bytes.Length, queue.Stream);
        }

        // The copy may still be reading the source, which moves once it is no longer held.
        queue.Driver.Synchronize();
        return tensor;
    }
}
