using System;
using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cuda;

/// <summary>
/// One argument of a launch: up to eight bytes by value, or a larger structure by its address, which must stay valid during the call.
/// Arguments are checked for count and size against the kernel's parameters.
/// </summary>
public readonly unsafe struct KernelArgument
{
    private readonly ulong _bits;
    private readonly void* _structure;

    private KernelArgument(ulong bits, int size)
    {
        _bits = bits;
        Size = size;
    }

    private KernelArgument(void* structure, int size)
    {
        _structure = structure;
        Size = size;
    }

    /// <summary>Bytes.</summary>
    public int Size { get; }

    public static implicit operator KernelArgument(DevicePointer value) => new(value.Address, sizeof(ulong));

    public static implicit operator KernelArgument(int value) => new((uint)value, sizeof(int));

    public static implicit operator KernelArgument(uint value) => new(value, sizeof(uint));

    public static implicit operator KernelArgument(long value) => new((ulong)value, sizeof(long));

    public static implicit operator KernelArgument(ulong value) => new(value, sizeof(ulong));

    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value), sizeof(float));

    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToUInt64Bits(value), sizeof(double));

    public static implicit operator KernelArgument(Half value) => new(BitConverter.HalfToUInt16Bits(value), sizeof(ushort));

    public static implicit operator KernelArgument(ushort value) => new(value, sizeof(ushort));

    public static implicit operator KernelArgument(byte value) => new(value, sizeof(byte));

    public static implicit operator KernelArgument(bool value) => new(value ? 1ul : 0, sizeof(byte));

    /// <summary>A structure passed by value. It must not move before the launch returns: a local variable or pinned memory.</summary>
    public static KernelArgument Structure<T>(T* structure)
        where T : unmanaged => new(structure, sizeof(T));

    /// <summary>Copies the argument's bytes to <paramref name="destination"/>, which has room for <see cref="Size"/>.</summary>
    public void CopyTo(byte* destination)
    {
        ulong bits = _bits;
        Unsafe.CopyBlockUnaligned(destination, _structure == null ? (byte*)&bits : _structure, (uint)Size);
    }
}
