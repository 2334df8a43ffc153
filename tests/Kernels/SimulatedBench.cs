using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>A simulated GPU with every check on, a queue on it, and tensors that go there and back.</summary>
internal sealed unsafe class SimulatedBench : IDisposable
{
    private const byte Poison = 0xFF;
    private readonly SimulatedDriver _driver;
    private readonly List<DevicePointer> _allocated = [];

    public SimulatedBench(int architecture)
    {
        _driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture), new SimulatorOptions { KeepReports = true });
        var cache = new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder);
        Queue = new KernelQueue(_driver, _driver.CreateStream(), cache, ImageFormat.Ptx);
    }

    public KernelQueue Queue { get; }

    /// <summary>What has been launched.</summary>
    public IReadOnlyList<LaunchReport> Launches => _driver.Launches;

    /// <summary>A tensor of these numbers, rounded to its type.</summary>
    public Tensor Upload(string name, DataType type, double[] values, params ReadOnlySpan<long> shape)
    {
        Tensor tensor = Allocate(name, type, shape);
        Assert.That(values, Has.Length.EqualTo(tensor.Count), name);
        byte[] bytes = Encode(values, type);
        fixed (byte* source = bytes)
        {
            _driver.CopyToDevice(new DevicePointer(tensor.Address), (nint)source, bytes.Length, Queue.Stream);
        }

        return tensor;
    }

    /// <summary>An int32 tensor.</summary>
    public Tensor Upload(string name, int[] values, params ReadOnlySpan<long> shape) =>
        Upload(name, DataType.Int32, Array.ConvertAll(values, v => (double)v), shape);

    /// <summary>An output: NaN everywhere.</summary>
    public Tensor Poisoned(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        Tensor tensor = Allocate(name, type, shape);
        _driver.Fill(new DevicePointer(tensor.Address), Poison, tensor.Bytes, Queue.Stream);
        return tensor;
    }

    /// <summary>What a tensor holds.</summary>
    public double[] Download(Tensor tensor)
    {
        byte[] bytes = new byte[tensor.Bytes];
        fixed (byte* target = bytes)
        {
            _driver.CopyToHost((nint)target, new DevicePointer(tensor.Address), bytes.Length, Queue.Stream);
        }

        return Decode(bytes, tensor.Type);
    }

    /// <summary>Frees every tensor.</summary>
    public void Clear()
    {
        _allocated.ForEach(_driver.Free);
        _allocated.Clear();
    }

    public void Dispose() => _driver.Dispose();

    private static byte[] Encode(double[] values, DataType type) => type switch
    {
        DataType.Float32 => Bytes(Array.ConvertAll(values, v => (float)v)),
        DataType.Float16 => Bytes(Array.ConvertAll(values, v => (Half)v)),
        DataType.BFloat16 => Bytes(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits((float)Tolerance.Round(v, type)) >> 16))),
        _ => Bytes(Array.ConvertAll(values, v => (int)v)),
    };

    private static double[] Decode(byte[] bytes, DataType type) => type switch
    {
        DataType.Float32 => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(v => (double)v)],
        DataType.Float16 => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(v => (double)v)],
        DataType.BFloat16 => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(v => (double)BitConverter.UInt32BitsToSingle((uint)v << 16))],
        _ => [.. MemoryMarshal.Cast<byte, int>(bytes).ToArray().Select(v => (double)v)],
    };

    private static byte[] Bytes<T>(T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();

    private Tensor Allocate(string name, DataType type, ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            count *= size;
        }

        DevicePointer pointer = _driver.Allocate(count * type.SizeInBytes(), name);
        _allocated.Add(pointer);
        return new Tensor(name, type, (nuint)pointer.Address, shape);
    }
}
