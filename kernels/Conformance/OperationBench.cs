using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// One run of one operation on one device: its tensors, each between guard bands, outputs poisoned with NaN, inputs from a seed, so that
/// another bench with the same seed gives another device the same numbers.
/// </summary>
public sealed class OperationBench : IDisposable
{
    private const int GuardBytes = (int)MemoryPlan.Alignment;
    private const byte Poison = 0xFF;

    private readonly DataType _storage;
    private readonly DataType _master;
    private readonly Random _random;
    private readonly Random? _jitter;
    private readonly List<Block> _blocks = [];
    private ulong _state;

    /// <param name="operations">The device's.</param>
    /// <param name="storage">The type that storage inputs are rounded to: that of the device under test.</param>
    /// <param name="master">The type that master inputs are rounded to.</param>
    /// <param name="seed">Of the inputs.</param>
    /// <param name="jitter">Of moving each floating-point input by up to one unit in the last place; null leaves them.</param>
    public OperationBench(IOperations operations, DataType storage, DataType master, int seed, int? jitter = null)
    {
        Operations = operations;
        _storage = storage;
        _master = master;
        _random = new Random(seed);
        _state = (ulong)seed;
        _jitter = jitter is { } jitterSeed ? new Random(jitterSeed) : null;
    }

    public IOperations Operations { get; }

    /// <summary>What inputs are moved by units of, where that is not their own type.</summary>
    public DataType? MovedBy { get; init; }

    /// <summary>Whether the device under test keeps masters beside its storage type.</summary>
    public bool HasMasters => _storage != _master;

    /// <summary>Whether fp32 storage inputs are rounded, and moved, as the tensor cores' tf32 rounds them: the plain run of a product in tf32.</summary>
    public bool RoundsToTf32 { get; init; }

    /// <summary>For what else a case draws; the same on every device.</summary>
    public Random Random => _random;

    /// <summary>An input, which must still be the same afterwards.</summary>
    public Tensor Read(string name, TensorKind kind, double[] values, params ReadOnlySpan<long> shape) => Add(name, kind, values, false, shape);

    /// <summary>An input of normally distributed numbers.</summary>
    public Tensor Read(string name, TensorKind kind, params ReadOnlySpan<long> shape) => Add(name, kind, Normal(CountOf(shape)), false, shape);

    /// <summary>An int32 input.</summary>
    public Tensor Read(string name, int[] values, params ReadOnlySpan<long> shape) =>
        Add(name, TensorKind.Integer, Array.ConvertAll(values, v => (double)v), false, shape);

    /// <summary>An output, poisoned.</summary>
    public Tensor Write(string name, TensorKind kind, params ReadOnlySpan<long> shape) => Add(name, kind, null, true, shape);

    /// <summary>A tensor changed in place.</summary>
    public Tensor Update(string name, TensorKind kind, double[] values, params ReadOnlySpan<long> shape) => Add(name, kind, values, true, shape);

    /// <summary>A tensor of normally distributed numbers, changed in place.</summary>
    public Tensor Update(string name, TensorKind kind, params ReadOnlySpan<long> shape) => Add(name, kind, Normal(CountOf(shape)), true, shape);

    /// <summary>A parameter's gradient: random numbers to add to, or poison to overwrite.</summary>
    public Tensor Gradient(string name, bool accumulate, params ReadOnlySpan<long> shape)
    {
        double[] values = Normal(CountOf(shape));
        return Add(name, TensorKind.Master, accumulate ? values : null, true, shape);
    }

    /// <summary>The step scalars; integers among them as their bits. What is not named is 0.</summary>
    public Tensor Scalars(bool written, params ReadOnlySpan<(StepScalar Place, float Value)> values)
    {
        float[] all = new float[StepScalars.Count];
        foreach ((StepScalar place, float value) in values)
        {
            all[(int)place] = value;
        }

        var block = new Block(Operations.Device, "scalars", DataType.Float32, [StepScalars.Count], written) { IsScalars = true };
        MemoryMarshal.AsBytes<float>(all).CopyTo(block.Initial);
        return Take(block);
    }

    /// <summary>Binds poisoned scratch of the size that the operation asks for.</summary>
    public void Workspace(Func<IOperations, long> bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        long size = bytes(Operations);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        var block = new Block(Operations.Device, "workspace", DataType.Float32, [(size + 3) / 4], IsWritten: true) { IsScratch = true };
        block.Initial.AsSpan().Fill(Poison);
        Operations.BindWorkspace(Take(block));
    }

    /// <summary>Poisoned memory for what passes between operations; not compared.</summary>
    public Tensor Scratch(string name, TensorKind kind, params ReadOnlySpan<long> shape)
    {
        var block = new Block(Operations.Device, name, DeviceType(kind), shape.ToArray(), IsWritten: true) { IsScratch = true };
        block.Initial.AsSpan().Fill(Poison);
        return Take(block);
    }

    /// <summary><paramref name="count"/> numbers of mean 0 and variance <paramref name="scale"/>², sums of four uniform ones: nearly normal, and cheap.</summary>
    public double[] Normal(long count, double scale = 1)
    {
        double[] values = new double[count];
        for (long i = 0; i < count; i++)
        {
            ulong bits = NextBits();
            double sum = (ushort)bits + (ushort)(bits >> 16) + (ushort)(bits >> 32) + (double)(ushort)(bits >> 48);
            values[i] = scale * Math.Sqrt(3) * ((sum / ushort.MaxValue) - 2);
        }

        return values;
    }

    /// <summary>Integers in [0, <paramref name="end"/>), the last one among them where there is room.</summary>
    public int[] Integers(int count, int end)
    {
        int[] values = [.. Enumerable.Range(0, count).Select(_ => _random.Next(end))];
        values[_random.Next(count)] = end - 1;
        return values;
    }

    /// <summary>Numbers as the device under test gets them: rounded to its type.</summary>
    public double[] Rounded(TensorKind kind, double[] values) => Array.ConvertAll(values, v => Tolerance.Round(v, InputType(kind)));

    /// <summary>Waits, checks guard bands and inputs, and returns what was written.</summary>
    /// <exception cref="ConformanceException">A guard band or an input was written.</exception>
    public Dictionary<string, OperationResult> Collect()
    {
        Operations.Device.Synchronize();
        var results = new Dictionary<string, OperationResult>();
        foreach (Block block in _blocks)
        {
            byte[] content = block.Download();
            if (block.IsScratch)
            {
                continue;
            }

            if (!block.IsWritten)
            {
                Require(content.AsSpan().SequenceEqual(block.Initial), $"{block.Name}: an input was changed");
            }
            else if (block.IsScalars)
            {
                AddScalars(results, content);
            }
            else
            {
                results.Add(block.Name, new OperationResult(Decode(content, block.Type), content, block.Type));
            }
        }

        return results;
    }

    public void Dispose()
    {
        foreach (Block block in _blocks)
        {
            block.Dispose();
        }
    }

    private static void AddScalars(Dictionary<string, OperationResult> results, byte[] content)
    {
        foreach (StepScalar place in Enum.GetValues<StepScalar>())
        {
            byte[] bytes = content.AsSpan((int)place * sizeof(float), sizeof(float)).ToArray();
            double value = place is StepScalar.Step or StepScalar.SeedLow or StepScalar.SeedHigh or StepScalar.AppliedUpdates
                ? BitConverter.ToUInt32(bytes)
                : BitConverter.ToSingle(bytes);
            results.Add($"scalars.{place}", new OperationResult([value], bytes, DataType.Float32));
        }
    }

    private static double[] Decode(byte[] content, DataType type) => type switch
    {
        DataType.Float64 => MemoryMarshal.Cast<byte, double>(content).ToArray(),
        DataType.Float32 => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(content).ToArray(), v => (double)v),
        DataType.Float16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(content).ToArray(), v => (double)v),
        DataType.BFloat16 => Array.ConvertAll(
            MemoryMarshal.Cast<byte, ushort>(content).ToArray(), v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16)),
        _ => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(content).ToArray(), v => (double)v),
    };

    private static void Encode(double[] values, Span<byte> content, DataType type)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Span<byte> place = content[(i * type.SizeInBytes())..];
            switch (type)
            {
                case DataType.Float64:
                    BitConverter.TryWriteBytes(place, values[i]);
                    break;
                case DataType.Float32:
                    BitConverter.TryWriteBytes(place, (float)values[i]);
                    break;
                case DataType.Float16:
                    BitConverter.TryWriteBytes(place, (Half)values[i]);
                    break;
                case DataType.BFloat16:
                    BitConverter.TryWriteBytes(place, (ushort)(BitConverter.SingleToUInt32Bits((float)Tolerance.Round(values[i], type)) >> 16));
                    break;
                default:
                    BitConverter.TryWriteBytes(place, (int)values[i]);
                    break;
            }
        }
    }

    private static void Require(bool holds, string complaint)
    {
        if (!holds)
        {
            throw new ConformanceException(complaint);
        }
    }

    private static long CountOf(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            count *= size;
        }

        return count;
    }

    /// <summary>SplitMix64 (Steele et al. 2014): comparisons spend their time on making numbers.</summary>
    private ulong NextBits()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong bits = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }

    private DataType InputType(TensorKind kind) => kind switch
    {
        TensorKind.Storage => _storage,
        TensorKind.Master => _master,
        TensorKind.Single => DataType.Float32,
        _ => DataType.Int32,
    };

    private DataType DeviceType(TensorKind kind) => kind switch
    {
        TensorKind.Storage => Operations.Storage,
        TensorKind.Master => Operations.Master,
        _ => InputType(kind),
    };

    private Tensor Add(string name, TensorKind kind, double[]? values, bool written, ReadOnlySpan<long> shape)
    {
        DataType type = DeviceType(kind);
        var block = new Block(Operations.Device, name, type, shape.ToArray(), written);
        if (values is null)
        {
            block.Initial.AsSpan().Fill(Poison);
        }
        else
        {
            Require(values.Length == CountOf(shape), $"{name}: {values.Length} numbers for {CountOf(shape)} places");
            bool losesBits = RoundsToTf32 && kind == TensorKind.Storage && _storage == DataType.Float32;
            double[] rounded = losesBits ? Array.ConvertAll(values, Tolerance.RoundToTf32) : Rounded(kind, values);
            double units = losesBits ? Tolerance.Tf32UnitsOfFloat32 : 1;
            Encode(_jitter is null || kind == TensorKind.Integer ? rounded : Moved(rounded, MovedBy ?? InputType(kind), units), block.Initial, type);
        }

        return Take(block);
    }

    /// <summary>Each number moved to one of its neighbours, or not; zeros, which mean absence, stay.</summary>
    private double[] Moved(double[] values, DataType type, double units) => Array.ConvertAll(
        values, v => v == 0 || !double.IsFinite(v) ? v : v + (_jitter!.Next(-1, 2) * units * Tolerance.UnitInTheLastPlace(Math.Abs(v), type)));

    private Tensor Take(Block block)
    {
        _blocks.Add(block);
        block.Upload();
        return block.Tensor;
    }

    /// <summary>A tensor's memory with a guard band on either side.</summary>
    private sealed record Block(Device Device, string Name, DataType Type, long[] Shape, bool IsWritten) : IDisposable
    {
        private DeviceMemory? _memory;
        private Tensor? _tensor;

        public bool IsScalars { get; init; }

        public bool IsScratch { get; init; }

        public byte[] Initial { get; } = new byte[CountOf(Shape) * Type.SizeInBytes()];

        public Tensor Tensor => _tensor ?? throw new InvalidOperationException($"{Name}: not uploaded yet");

        private int Bytes => (GuardBytes + Initial.Length + GuardBytes + 3) / 4 * 4;

        public void Upload()
        {
            _memory = Device.Allocate(Bytes);
            _tensor = new Tensor(Name, Type, _memory.Address + GuardBytes, Shape);
            using PinnedBuffer buffer = Device.AllocatePinned(Bytes);
            Span<byte> content = buffer.AsSpan<byte>(0, Bytes);
            content.Fill(Poison);
            Initial.CopyTo(content[GuardBytes..]);
            Device.Upload(buffer, 0, new Tensor(Name, DataType.Int32, _memory.Address, Bytes / 4));
            Device.Synchronize();
        }

        public byte[] Download()
        {
            using PinnedBuffer buffer = Device.AllocatePinned(Bytes);
            Device.Download(new Tensor(Name, DataType.Int32, _memory!.Address, Bytes / 4), buffer, 0);
            Device.Synchronize();
            Span<byte> content = buffer.AsSpan<byte>(0, Bytes);
            Require(!content[..GuardBytes].ContainsAnyExcept(Poison), $"{Name}: written before its start");
            Require(!content[(GuardBytes + Initial.Length)..].ContainsAnyExcept(Poison), $"{Name}: written beyond its end");
            return content.Slice(GuardBytes, Initial.Length).ToArray();
        }

        public void Dispose() => _memory?.Dispose();
    }
}
