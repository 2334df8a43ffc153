using System;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>Converts elements between floating-point types, by items of a fixed size.</summary>
internal readonly unsafe struct CastCpu(void* source, DataType from, void* destination, DataType to, long count) : IParallelWork
{
    private const long ItemElements = 1 << 14;

    public static int ItemsOf(long count) => checked((int)((count + ItemElements - 1) / ItemElements));

    public void Run(int begin, int end, int worker)
    {
        long first = begin * ItemElements, last = Math.Min(count, end * ItemElements);
        if (from == to)
        {
            int size = from.SizeInBytes();
            Buffer.MemoryCopy((byte*)source + (first * size), (byte*)destination + (first * size), (last - first) * size, (last - first) * size);
            return;
        }

        for (long i = first; i < last; i++)
            Store(i, Load(i));
    }

    // Double holds every value of the other types: one rounding, at the store.
    private double Load(long index) => from switch
    {
        DataType.Float32 => ((float*)source)[index],
        DataType.Float64 => ((double*)source)[index],
        DataType.Float16 => (double)((Half*)source)[index],
        DataType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)source)[index] << 16),
        _ => throw new ArgumentException($"{from} is not floating point"),
    };

    private void Store(long index, double value)
    {
        switch (to)
        {
            case DataType.Float32:
                ((float*)destination)[index] = (float)value;
                break;
            case DataType.Float64:
                ((double*)destination)[index] = value;
                break;
            case DataType.Float16:
                ((Half*)destination)[index] = (Half)value;
                break;
            case DataType.BFloat16:
                ((ushort*)destination)[index] = UpperHalf((float)value);
                break;
            default:
                throw new ArgumentException($"{to} is not floating point");
        }
    }

    // To nearest even; NaN stays NaN.
    private static ushort UpperHalf(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
