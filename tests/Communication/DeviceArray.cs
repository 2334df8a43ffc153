using System;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Communication;

/// <summary>Elements of any floating-point type on a device, written and read from the host.</summary>
internal sealed class DeviceArray : IDisposable
{
    private readonly Device _device;
    private readonly DeviceMemory _memory;
    private readonly PinnedBuffer _host;

    internal DeviceArray(Device device, DataType type, long count)
    {
        _device = device;
        _memory = device.Allocate(Math.Max(1, count * type.SizeInBytes()));
        _host = device.AllocatePinned(Math.Max(1, count * type.SizeInBytes()));
        Tensor = new Tensor("array", type, _memory.Address, count);
    }

    internal Tensor Tensor { get; }

    internal void Fill(Func<long, double> element)
    {
        for (int i = 0; i < Tensor.Count; i++)
        {
            Set(i, element(i));
        }

        _device.Upload(_host, 0, Tensor);
    }

    internal double[] Read()
    {
        _device.Download(Tensor, _host, 0);
        _device.Synchronize();
        var values = new double[Tensor.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Get(i);
        }

        return values;
    }

    internal string? FirstDifference(string what, Func<long, double> expected)
    {
        double[] actual = Read();
        for (int i = 0; i < actual.Length; i++)
        {
            double wanted = expected(i);
            if (BitConverter.DoubleToInt64Bits(actual[i]) != BitConverter.DoubleToInt64Bits(wanted))
            {
                return $"{what} of {Tensor}: element {i} is {actual[i]:R} and should be {wanted:R}";
            }
        }

        return null;
    }

    public void Dispose()
    {
        _host.Dispose();
        _memory.Dispose();
    }

    private void Set(int i, double value)
    {
        int size = Tensor.Type.SizeInBytes();
        switch (Tensor.Type)
        {
            case DataType.Float16:
                _host.AsSpan<Half>((long)i * size, 1)[0] = (Half)(float)value;
                break;
            case DataType.BFloat16:
                _host.AsSpan<ushort>((long)i * size, 1)[0] = ((BFloat16)(float)value).Bits;
                break;
            case DataType.Float32:
                _host.AsSpan<float>((long)i * size, 1)[0] = (float)value;
                break;
            default:
                _host.AsSpan<double>((long)i * size, 1)[0] = value;
                break;
        }
    }

    private double Get(int i)
    {
        int size = Tensor.Type.SizeInBytes();
        return Tensor.Type switch
        {
            DataType.Float16 => (double)_host.AsSpan<Half>((long)i * size, 1)[0],
            DataType.BFloat16 => (float)new BFloat16(_host.AsSpan<ushort>((long)i * size, 1)[0]),
            DataType.Float32 => _host.AsSpan<float>((long)i * size, 1)[0],
            _ => _host.AsSpan<double>((long)i * size, 1)[0],
        };
    }
}
