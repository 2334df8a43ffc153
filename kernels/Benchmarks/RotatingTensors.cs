using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>
/// The tensors of a benchmark in several sets, so that calls that take the sets in turn find none of their operands in a cache. First all are
/// asked for, then they get memory and content together. Inputs are the same on every run.
/// </summary>
/// <param name="operations">Where.</param>
/// <param name="sets">How many of each; 0 only adds up the bytes of a set.</param>
internal sealed unsafe class RotatingTensors(IOperations operations, int sets) : IDisposable
{
    private const int ChunkElements = 1 << 20;
    private const int Seed = 20_261_122;

    private readonly MemoryPlan _plan = new();
    private readonly List<DeviceMemory> _blocks = [];
    private readonly List<(Tensor Tensor, bool Positive)> _normal = [];
    private readonly List<(Tensor Tensor, Func<long, int> Value)> _integers = [];
    private readonly List<Tensor> _scalars = [];
    private Tensor? _workspace;

    /// <summary>Where the operations run.</summary>
    public IOperations Operations => operations;

    /// <summary>Bytes of one set.</summary>
    public long SetBytes { get; private set; }

    /// <summary>Inputs: nearly normal numbers; magnitudes alone where asked for.</summary>
    public Tensor[] Normal(string name, DataType type, ReadOnlySpan<long> shape, bool positive = false)
    {
        Tensor[] tensors = Unwritten(name, type, shape);
        foreach (Tensor tensor in tensors)
        {
            _normal.Add((tensor, positive));
        }

        return tensors;
    }

    /// <summary>int32 inputs, element i of which is <paramref name="value"/>(i).</summary>
    public Tensor[] Integers(string name, Func<long, int> value, params ReadOnlySpan<long> shape)
    {
        Tensor[] tensors = Unwritten(name, DataType.Int32, shape);
        foreach (Tensor tensor in tensors)
        {
            _integers.Add((tensor, value));
        }

        return tensors;
    }

    /// <summary>Outputs, and what starts from zero.</summary>
    public Tensor[] Unwritten(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        SetBytes += new Tensor(name, type, 0, shape).Bytes;
        var tensors = new Tensor[sets];
        for (int i = 0; i < sets; i++)
        {
            tensors[i] = _plan.Persistent(name, MemoryCategory.Activations, type, shape);
        }

        return tensors;
    }

    /// <summary>Asks for the operations' scratch, one for all calls.</summary>
    public void NeedsWorkspace(long bytes) => _workspace =
        _plan.Persistent("workspace", MemoryCategory.Workspace, DataType.Float32, Math.Max(1, (bytes + sizeof(float) - 1) / sizeof(float)));

    /// <summary>The step scalars as they are in the middle of training, one for all calls.</summary>
    public Tensor Scalars()
    {
        Tensor scalars = _plan.Persistent("scalars", MemoryCategory.Activations, DataType.Float32, StepScalars.Count);
        _scalars.Add(scalars);
        return scalars;
    }

    /// <summary>Takes the memory and fills the inputs.</summary>
    /// <exception cref="Runtime.UserErrorException">There is not that much memory.</exception>
    public void Materialise()
    {
        _plan.Bind((_, bytes) =>
        {
            DeviceMemory block = operations.Device.Allocate(bytes);
            _blocks.Add(block);
            return block.Address;
        });
        if (_workspace is not null)
        {
            operations.BindWorkspace(_workspace);
        }

        using PinnedBuffer chunk = operations.Device.AllocatePinned(ChunkElements * sizeof(float));
        float[] normal = NormalNumbers();
        foreach ((Tensor tensor, bool positive) in _normal)
        {
            Upload(chunk, tensor, (_, i, bytes) => tensor.Type.WriteElement(bytes, positive ? Math.Abs(normal[i]) : normal[i]));
        }

        foreach ((Tensor tensor, Func<long, int> value) in _integers)
        {
            Upload(chunk, tensor, (offset, i, bytes) => MemoryMarshal.Write(bytes, value(offset + i)));
        }

        float[] scalars = ScalarValues();
        foreach (Tensor tensor in _scalars)
        {
            Upload(chunk, tensor, (_, i, bytes) => MemoryMarshal.Write(bytes, scalars[i]));
        }
    }

    public void Dispose()
    {
        _blocks.ForEach(block => block.Dispose());
        _blocks.Clear();
    }

    // Sums of four uniform numbers of variance 1; the same million again and again, which no arithmetic can tell.
    private static float[] NormalNumbers()
    {
        var random = new Random(Seed);
        float[] values = new float[ChunkElements];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(Math.Sqrt(3) * (random.NextDouble() + random.NextDouble() + random.NextDouble() + random.NextDouble() - 2));
        }

        return values;
    }

    private static float[] ScalarValues()
    {
        float[] values = new float[StepScalars.Count];
        values[(int)StepScalar.LearningRate] = 1e-3f;
        values[(int)StepScalar.LossScale] = 1;
        values[(int)StepScalar.AppliedUpdates] = BitConverter.UInt32BitsToSingle(3);
        values[(int)StepScalar.GradientFactor] = 1;
        values[(int)StepScalar.IsFinite] = 1;
        return values;
    }

    /// <summary>Chunk by chunk; a chunk that has been made is sent again where the next is like it.</summary>
    private void Upload(PinnedBuffer chunk, Tensor tensor, WriteElement write)
    {
        int size = tensor.Type.SizeInBytes();
        bool repeats = tensor.Type != DataType.Int32;
        for (long offset = 0; offset < tensor.Count; offset += ChunkElements)
        {
            int length = (int)Math.Min(ChunkElements, tensor.Count - offset);
            if (offset == 0 || !repeats)
            {
                Span<byte> bytes = chunk.AsSpan<byte>(0, length * size);
                for (int i = 0; i < length; i++)
                {
                    write(offset, i, bytes[(i * size)..]);
                }
            }

            operations.Device.Upload(chunk, 0, tensor.View(tensor.Name, offset, length));
            // The next chunk is written where this one is read from.
            operations.Device.Synchronize();
        }
    }

    private delegate void WriteElement(long offset, int index, Span<byte> destination);
}
